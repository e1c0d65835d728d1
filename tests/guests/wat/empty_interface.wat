;; Exports the right interface with nothing in it.
(component
  (instance $described)
  (export "toolhold:tool/described@0.1.0" (instance $described)))
