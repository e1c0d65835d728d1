;; Asks for memory until it is refused, goes on without, and returns: a refusal that a guest handles is no failure.
(module
  (import "host" "memory" (memory 1))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (loop $more
      (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (i32.const 16))
)
