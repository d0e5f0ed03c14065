;; Plans an action that there is not.
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 64))
  (i32.store (i32.const 524) (i32.const 320))
  (i32.store (i32.const 528) (i32.const 1))
  (i32.store8 (i32.const 320) (i32.const 77))
  (i32.const 512))
