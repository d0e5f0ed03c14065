;; Answers with a summary that lies outside of its memory.
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 64))
  (i32.store (i32.const 516) (i32.const 0xfffffff0))
  (i32.store (i32.const 520) (i32.const 64))
  (i32.const 512))
