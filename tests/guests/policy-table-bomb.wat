;; Makes its table larger until it may not.
(table $table 1 funcref)
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (loop $again (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $again))
  (unreachable))
