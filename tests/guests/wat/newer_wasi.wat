;; Built for WASI 0.3, whose interfaces are others.
(component
  (import "wasi:cli/environment@0.3.0" (instance (export "get-environment" (func (result (list (tuple string string)))))))
  (instance $described)
  (export "toolhold:tool/described@0.1.0" (instance $described)))
