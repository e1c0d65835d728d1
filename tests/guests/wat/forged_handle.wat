;; Uses a handle that nobody gave it.
(module
  (import "host" "block" (func $block (param i32)))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (call $block (i32.const 77))
    (i32.const 16))
)
