;; Logs a hundred thousand lines, each longer than a line may be, then answers well.
(import "kafsh:host/log@1.0.0" "write" (func $write (param i32 i32 i32)))
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (local $left i32)
  (memory.fill (i32.const 1024) (i32.const 120) (i32.const 2000))
  (local.set $left (i32.const 100000))
  (loop $again
    (call $write (i32.const 1) (i32.const 1024) (i32.const 2000))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $again (local.get $left)))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.const 512))
