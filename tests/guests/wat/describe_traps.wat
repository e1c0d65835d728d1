;; Traps while describing itself.
(module
  (func (export "describe") (result i32)
    unreachable)
)
