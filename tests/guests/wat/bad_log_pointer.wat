;; Logs a line that lies outside of its memory.
(module
  (import "host" "log" (func $log (param i32 i32 i32)))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (call $log (i32.const 1) (i32.const 0x7ffffff0) (i32.const 100))
    (i32.const 16))
)
