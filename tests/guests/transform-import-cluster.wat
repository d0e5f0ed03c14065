(component
  ;; Wants to see the cluster, which transforms may not.
  (import "kafsh:host/cluster-read@1.0.0" (instance (export "brokers" (func (result (list s32))))))
  (instance $it)
  (export "kafsh:transform/transform@1.0.0" (instance $it)))
