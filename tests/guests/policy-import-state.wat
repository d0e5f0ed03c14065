(component
  ;; Wants what only another kind may have: a policy keeps no state.
  (import "kafsh:host/state@1.0.0" (instance (export "count" (func (result u32)))))
  (instance $it)
  (export "kafsh:policy/policy@1.0.0" (instance $it)))
