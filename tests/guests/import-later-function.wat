(component
  ;; Wants a function of a known interface that this host does not have.
  (import "kafsh:step/log@0.1.0" (instance (export "erase" (func))))
  (instance $step)
  (export "kafsh:step/step@0.1.0" (instance $step)))
