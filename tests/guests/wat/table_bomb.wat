;; Declares a table of more elements than a call may have. Hits `table-elements` before any of its code runs.
(module
  (table $table 1000000 funcref)
)
