;; Takes memory until it is given no more, and touches every page.
(func (export "kafsh:policy/policy@1.0.0#check") (param i32) (result i32)
  (local $old i32)
  (loop $again
    (local.set $old (memory.grow (i32.const 16)))
    (if (i32.ne (local.get $old) (i32.const -1))
      (then
        (memory.fill (i32.mul (local.get $old) (i32.const 65536)) (i32.const 1) (i32.const 1048576))))
    (br $again))
  (unreachable))
