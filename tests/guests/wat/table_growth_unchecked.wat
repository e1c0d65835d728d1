;; Grows a table until growing fails, and traps then: reported by the limit, not as a mere trap.
(module
  (table $table 1 funcref)
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (loop $more
      (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
    unreachable)
)
