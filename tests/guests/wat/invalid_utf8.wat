;; Returns a text that is no text.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "\00\00\00\00\00\08\00\00\04\00\00\00")
  (data (i32.const 2048) "\22\ff\fe\22")
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
)
