;; Returns a text that begins in its memory and is longer than it.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "\00\00\00\00\30\00\00\00\00\00\00\7f")
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
)
