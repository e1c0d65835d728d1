;; Logs a line at a level that does not exist.
(module
  (import "host" "log" (func $log (param i32 i32 i32)))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (call $log (i32.const 99) (i32.const 48) (i32.const 4))
    (i32.const 16))
)
