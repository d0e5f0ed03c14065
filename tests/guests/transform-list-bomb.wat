;; Two hundred million sources.
(func (export "kafsh:transform/transform@1.0.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.store (i32.const 540) (i32.const 16))
  (i32.store (i32.const 544) (i32.const 200000000))
  (i32.const 512))
