;; Answers with twenty thousand actions, each by itself good.
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (drop (memory.grow (i32.const 16)))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 64))
  (i32.store (i32.const 524) (i32.const 65536))
  (i32.store (i32.const 528) (i32.const 20000))
  (i32.const 512))
