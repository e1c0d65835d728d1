;; Wants a function that an interface of WASI never had.
(component
  (import "wasi:cli/environment@0.2.0" (instance (export "set-environment" (func (param "name" string) (param "value" string)))))
  (instance $described)
  (export "toolhold:tool/described@0.1.0" (instance $described)))
