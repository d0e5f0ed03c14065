;; Finds two hundred million things.
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.store (i32.const 516) (i32.const 16))
  (i32.store (i32.const 520) (i32.const 200000000))
  (i32.const 512))
