;; Says no, in its own words.
(data (i32.const 256) "no-rulesthere are none")
(func (export "kafsh:transform/transform@1.0.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.store8 (i32.const 512) (i32.const 1))
  (i32.store (i32.const 516) (i32.const 256))
  (i32.store (i32.const 520) (i32.const 8))
  (i32.store (i32.const 524) (i32.const 264))
  (i32.store (i32.const 528) (i32.const 14))
  (i32.const 512))
