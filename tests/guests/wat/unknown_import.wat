;; Wants something that no host grants, under a name that looks like one of WASI's.
(component
  (import "wasi:shell/run@0.2.0" (instance (export "run" (func (param "command" string)))))
  (instance $described)
  (export "toolhold:tool/described@0.1.0" (instance $described)))
