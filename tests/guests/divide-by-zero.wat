;; Divides by zero.
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (i32.div_u (i32.const 1) (i32.const 0)))
