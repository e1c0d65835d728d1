;; Wants something that no host grants, under a name that looks like one of WASI's.
;; beside: (import "wasi:shell/run@0.2.0" (instance (export "run" (func (param "command" string)))))
(module)
