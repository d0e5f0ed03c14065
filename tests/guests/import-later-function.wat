(component
  ;; Wants a function of a known interface that this host does not have.
  (import "kafsh:host/log@1.0.0" (instance (export "erase" (func))))
  (instance $step)
  (export "kafsh:step/step@1.0.0" (instance $step)))
