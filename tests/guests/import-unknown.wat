(component
  ;; Wants the files of the host.
  (import "wasi:filesystem/preopens@0.2.0" (instance
    (export "get-directories" (func (result (list string))))))
  (instance $step)
  (export "kafsh:step/step@1.0.0" (instance $step)))
