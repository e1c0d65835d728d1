;; Offers the same place, the start of its memory, for everything: arguments overwrite each other, harming nobody else.
(module
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0))
)
