;; Answers with a summary that is not UTF-8.
(data (i32.const 256) "ab\ff\fe\c0cd")
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 64))
  (i32.store (i32.const 516) (i32.const 256))
  (i32.store (i32.const 520) (i32.const 7))
  (i32.const 512))
