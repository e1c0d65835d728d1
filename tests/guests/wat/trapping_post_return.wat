;; Traps while cleaning up after a good result.
(module
  (func (export "post-return") (param i32)
    unreachable)
)
