;; Logs words that would drive a terminal, then answers well.
(import "kafsh:host/log@1.0.0" "write" (func $write (param i32 i32 i32)))
(data (i32.const 1024) "\1b[2J\1b]0;title\07red\e2\80\ae\0d\0abelow")
(func (export "kafsh:step/step@1.0.0#plan") (param i32) (result i32)
  (call $write (i32.const 1) (i32.const 1024) (i32.const 27))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 64))
  (i32.const 512))
