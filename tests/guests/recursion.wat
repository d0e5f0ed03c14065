;; Calls itself without end.
(func $deeper (param i64 i64) (result i64)
  (i64.add (call $deeper (local.get 1) (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (drop (call $deeper (i64.const 1) (i64.const 2)))
  (unreachable))
