;; Returns a result that lies outside of its memory.
(module
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x7ffffff0))
)
