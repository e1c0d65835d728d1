;; Never comes back from cleaning up after a good result. Hits `fuel`.
(module
  (func (export "post-return") (param i32)
    (loop $for-ever (br $for-ever)))
)
