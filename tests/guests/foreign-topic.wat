;; Plans the deletion of a topic whose name is a path.
(data (i32.const 256) "../../etc")
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (memory.fill (i32.const 320) (i32.const 0) (i32.const 256))
  (i32.store (i32.const 524) (i32.const 320))
  (i32.store (i32.const 528) (i32.const 1))
  ;; delete-topic
  (i32.store8 (i32.const 320) (i32.const 9))
  (i32.store (i32.const 324) (i32.const 256))
  (i32.store (i32.const 328) (i32.const 9))
  (i32.const 512))
