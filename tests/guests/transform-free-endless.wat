;; Drops every record, and loops where it is told that its answer was read.
;; call-ms: 500
(func (export "cabi_post_kafsh:transform/transform@1.0.0#process") (param i32)
  (loop $again (br $again)))
