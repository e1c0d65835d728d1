;; Traps before its first export can be called.
(module
  (func $start
    unreachable)
  (start $start)
)
