;; Calls the host while cleaning up, where the component model forbids it.
(module
  (import "host" "cancelled" (func $cancelled (result i32)))
  (func (export "post-return") (param i32)
    (drop (call $cancelled)))
)
