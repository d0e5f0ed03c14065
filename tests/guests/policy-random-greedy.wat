;; Wants more random bytes at once than there may be.
;; declares: random
(import "kafsh:host/random@1.0.0" "bytes" (func $bytes (param i32 i32)))
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (call $bytes (i32.const 1000000) (i32.const 600))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.const 512))
