;; Takes handles of its secret and gives none back; says no where it has no secret.
(import "kafsh:host/settings@1.0.0" "get-secret" (func $get-secret (param i32 i32 i32)))
(data (i32.const 256) "tokenno-tokenit was given none")
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (loop $again
    (call $get-secret (i32.const 256) (i32.const 5) (i32.const 600))
    (br_if $again (i32.load8_u (i32.const 600))))
  (i32.store8 (i32.const 512) (i32.const 1))
  (i32.store (i32.const 516) (i32.const 261))
  (i32.store (i32.const 520) (i32.const 8))
  (i32.store (i32.const 524) (i32.const 269))
  (i32.store (i32.const 528) (i32.const 17))
  (i32.const 512))
