;; Calls itself for ever with no memory involved: the machine stack itself ends. A trap of the guest.
(module
  (func $deeper (param i64) (result i64)
    (i64.add (call $deeper (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (drop (call $deeper (i64.const 0)))
    (i32.const 16))
)
