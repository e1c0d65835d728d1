;; Declares more memory than a call may have: 65,536 pages of 64 KiB are 4 GiB. Hits `memory` before any of its code runs.
;; pages: 65536
(module
  (import "host" "memory" (memory 1))
)
