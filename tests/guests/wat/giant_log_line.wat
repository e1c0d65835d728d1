;; Logs one line of 48 MiB: the host must not hold what it will refuse. Hits `log`, or is a trap.
;; pages: 1024
(module
  (import "host" "log" (func $log (param i32 i32 i32)))
  (import "host" "memory" (memory 1))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (call $log (i32.const 1) (i32.const 0) (i32.const 0x3000000))
    (i32.const 16))
)
