;; Calls itself with a large frame, as a compiler lays it out: below the one before, until there is no
;; memory below.
(global $stack (mut i32) (i32.const 65536))
(func $deeper (param i32) (result i32)
  (global.set $stack (i32.sub (global.get $stack) (i32.const 4096)))
  (i32.store (global.get $stack) (local.get 0))
  (i32.add (i32.load (global.get $stack))
    (call $deeper (i32.add (local.get 0) (i32.const 1)))))
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (drop (call $deeper (i32.const 1)))
  (unreachable))
