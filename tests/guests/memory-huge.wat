;; Wants more memory from the start than it may have in all.
(memory $memory (export "memory") 2000)
