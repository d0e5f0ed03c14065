;; Gives up, after telling why, in words that would clear a terminal.
(import "kafsh:host/log@1.0.0" "panicked" (func $panicked (param i32 i32)))
(data (i32.const 256) "no broker left at src/lib.rs:7\1b[2J")
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (call $panicked (i32.const 256) (i32.const 34))
  (unreachable))
