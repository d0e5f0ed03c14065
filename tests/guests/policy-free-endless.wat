;; Finds nothing, and loops where it is told that its answer was read.
(func (export "cabi_post_kafsh:policy/policy@1.0.0#check") (param i32)
  (loop $again (br $again)))
