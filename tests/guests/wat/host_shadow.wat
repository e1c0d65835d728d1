;; Exports an interface under the host's own names, to be taken for it.
(component
  (instance $fake)
  (export "toolhold:tool/context@0.1.0" (instance $fake)))
