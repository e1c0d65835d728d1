;; Returns a result at an odd address.
(module
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 17))
)
