;; Keeps all it can until it is told no, which it takes well.
;; declares: state
(import "kafsh:host/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
(func (export "kafsh:transform/transform@1.0.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (loop $again
    (i32.store (i32.const 256) (i32.add (i32.load (i32.const 256)) (i32.const 1)))
    (call $set (i32.const 256) (i32.const 4) (i32.const 256) (i32.const 4096) (i32.const 600))
    (br_if $again (i32.eqz (i32.load8_u (i32.const 600)))))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.const 512))
