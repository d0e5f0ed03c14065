(component
  ;; Wants the network.
  (import "wasi:sockets/network@0.2.0" (instance (export "network" (type (sub resource)))))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance
    (export "create-tcp-socket" (func (result u32)))))
  (instance $it)
  (export "kafsh:transform/transform@1.0.0" (instance $it)))
