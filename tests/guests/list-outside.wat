;; Answers with two thousand million actions.
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 64))
  (i32.store (i32.const 528) (i32.const 0x7fffffff))
  (i32.const 512))
