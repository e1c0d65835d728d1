;; Traps at once.
(module
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    unreachable)
)
