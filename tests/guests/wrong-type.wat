(component
  ;; Has the step's name, and none of its functions.
  (instance $step)
  (export "kafsh:step/step@1.0.0" (instance $step)))
