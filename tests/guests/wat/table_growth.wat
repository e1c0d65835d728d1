;; Grows a table for ever. Hits `table-elements`.
(module
  (table $table 1 funcref)
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (loop $more
      (drop (table.grow $table (ref.null func) (i32.const 1000)))
      (br $more))
    unreachable)
)
