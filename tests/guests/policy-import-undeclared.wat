;; Looks at the clock without having asked for one.
(import "kafsh:host/clock@1.0.0" "now" (func $now (result i64)))
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (drop (call $now))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.const 512))
