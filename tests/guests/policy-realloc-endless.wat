;; Never gives memory for its arguments: the loop is entered from the host's side of the call.
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (loop $again (br $again))
  (unreachable))
