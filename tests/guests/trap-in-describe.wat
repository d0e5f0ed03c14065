;; Gives up before it has said who it is, without a word.
(func (export "kafsh:step/step@1.0.0#describe") (result i32)
  (unreachable))
