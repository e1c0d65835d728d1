;; Returns UTF-8 that encodes half of a character (a surrogate), which some decoders let through.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "\00\00\00\00\00\08\00\00\05\00\00\00")
  (data (i32.const 2048) "\22\ed\a0\80\22")
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
)
