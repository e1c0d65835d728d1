;; Fills a table with one instruction, for ever. Hits `fuel` or `time`.
(module
  (table $table 90000 funcref)
  (func (export "invoke") (param i32 i32 i32 i32) (result i32)
    (loop $more
      (table.fill $table (i32.const 0) (ref.null func) (i32.const 90000))
      (br $more))
    unreachable)
)
