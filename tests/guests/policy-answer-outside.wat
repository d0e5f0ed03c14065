;; Its answer begins behind the end of its memory.
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (i32.const 2147483640))
