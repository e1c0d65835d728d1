;; Returns a text that begins in its memory and ends after it: address and length together wrap around.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "\00\00\00\00\30\00\00\00\f0\ff\ff\ff")
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
)
