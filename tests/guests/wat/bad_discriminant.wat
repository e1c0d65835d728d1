;; Returns neither a success nor an error: case 7 of two.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "\07\00\00\00\30\00\00\00\04\00\00\00")
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
)
