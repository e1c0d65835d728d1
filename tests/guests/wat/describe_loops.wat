;; Never comes back from describing itself, which happens without any grant. Hits `fuel`.
(module
  (func (export "describe") (result i32)
    (loop $for-ever (br $for-ever))
    unreachable)
)
