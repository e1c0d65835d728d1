;; Built for WASI 0.3, whose interfaces are others.
;; beside: (import "wasi:cli/environment@0.3.0" (instance (export "get-environment" (func (result (list string))))))
(module)
