;; Loops before its first export can be called: instantiation is guest code too. Hits `fuel`.
(module
  (func $start
    (loop $for-ever (br $for-ever)))
  (start $start)
)
