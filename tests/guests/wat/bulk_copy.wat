;; Copies megabytes with one instruction, for ever. Hits `fuel` or `time`, whichever counts what such an instruction costs.
;; pages: 1024
(module
  (import "host" "memory" (memory 1))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (loop $more
      (memory.copy (i32.const 0) (i32.const 0x2000000) (i32.const 0x2000000))
      (br $more))
    unreachable)
)
