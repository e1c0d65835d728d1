;; Says that it has 50 million tools, in a memory that could hold them only just: the host must not make room first.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "\00\10\00\00\80\f0\fa\02")
  (func (export "describe") (result i32)
    (i32.const 1024))
)
