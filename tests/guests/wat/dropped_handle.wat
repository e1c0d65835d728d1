;; Drops a handle that nobody gave it.
(module
  (import "host" "drop" (func $drop (param i32)))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (call $drop (i32.const 0x7fffffff))
    (i32.const 16))
)
