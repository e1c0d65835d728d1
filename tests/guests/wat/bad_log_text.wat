;; Logs a line that is no text.
(module
  (import "host" "memory" (memory 1))
  (import "host" "log" (func $log (param i32 i32 i32)))
  (data (i32.const 2048) "\ff\fe")
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (call $log (i32.const 1) (i32.const 2048) (i32.const 2))
    (i32.const 16))
)
