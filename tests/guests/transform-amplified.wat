;; One record becomes fifty thousand, all of the same bytes: each range is good, the sum is not.
(func (export "kafsh:transform/transform@1.0.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (local $at i32)
  (drop (memory.grow (i32.const 64)))
  ;; topics: that of the pipeline; sources and timestamps: zero
  (memory.fill (i32.const 2097152) (i32.const 255) (i32.const 200000))
  (memory.fill (i32.const 512) (i32.const 0) (i32.const 80))
  (i32.store (i32.const 524) (i32.const 65536))
  (i32.store (i32.const 528) (i32.const 300000))
  (i32.store (i32.const 540) (i32.const 1572864))
  (i32.store (i32.const 544) (i32.const 50000))
  (i32.store (i32.const 548) (i32.const 2621440))
  (i32.store (i32.const 552) (i32.const 50000))
  (i32.store (i32.const 556) (i32.const 2097152))
  (i32.store (i32.const 560) (i32.const 50000))
  (local.set $at (i32.const 65536))
  (loop $again
    ;; a key and a value of all the input
    (i32.store offset=4 (local.get $at) (local.get 4))
    (i32.store offset=12 (local.get $at) (local.get 4))
    (local.set $at (i32.add (local.get $at) (i32.const 24)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 1265536))))
  (i32.const 512))
