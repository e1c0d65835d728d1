;; Wants a function that an interface of WASI never had.
;; beside: (import "wasi:cli/environment@0.2.0" (instance (export "set-environment" (func (param "name" string)))))
(module)
