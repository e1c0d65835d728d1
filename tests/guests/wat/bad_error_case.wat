;; Returns an error of a kind that does not exist: case 99 of six.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "\01\00\00\00\63\00\00\00\30\00\00\00\04\00\00\00")
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
)
