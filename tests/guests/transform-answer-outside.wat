;; Its answer begins behind the end of its memory.
(func (export "kafsh:transform/transform@1.0.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const 2147483640))
