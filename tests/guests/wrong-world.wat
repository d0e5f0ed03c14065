(component
  ;; Is a plugin, but not a step.
  (instance $policy)
  (export "kafsh:policy/policy@1.0.0" (instance $policy)))
