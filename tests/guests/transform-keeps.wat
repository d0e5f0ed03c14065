;; Keeps a key as long as its batch, counts it, and breaks over a batch of two.
;; declares: metrics state
(import "kafsh:host/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
(import "kafsh:host/metrics@1.0.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 256) "kkkkkkkkseen")
(func (export "kafsh:transform/transform@1.0.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $set (i32.const 256) (local.get 12) (local.get 0) (local.get 1) (i32.const 600))
  (call $add (i32.const 264) (i32.const 4) (i64.extend_i32_u (local.get 12)))
  (if (i32.eq (local.get 12) (i32.const 2)) (then (unreachable)))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.const 512))
