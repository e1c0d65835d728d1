;; Hands over a list of 8 million handles, all of them nothing: the host must not copy a list without bound.
;; pages: 1024
(module
  (import "host" "poll" (func $poll (param i32 i32 i32)))
  (import "host" "memory" (memory 1))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (call $poll (i32.const 4096) (i32.const 0x800000) (i32.const 1024))
    (i32.const 16))
)
