;; The files of a Ruby that was started when the tool was built: it has learnt then what directories there are, and learns no others.
;; So it is told of one, `/`, and here each path is taken to the directory that is granted for it when it is called.
(module
  (import "ruby" "memory" (memory 1))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times" (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_readlink" (func $path_readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link" (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))

  ;; What `/` is called, and the numbers of the errors that are told.
  (global $root i32 (i32.const 3))
  (global $no_such_descriptor i32 (i32.const 8))
  (global $does_not_exist i32 (i32.const 44))

  ;; Room for a directory and its name, of at most 4,096 bytes.
  (global $room (mut i32) (i32.const 0))
  ;; What $find has found.
  (global $directory (mut i32) (i32.const 0))
  (global $path (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))

  (func (export "prepare") (param i32) (global.set $room (local.get 0)))

  (func (export "fd_prestat_get") (param i32 i32) (result i32)
    (if (i32.ne (local.get 0) (global.get $root)) (then (return (global.get $no_such_descriptor))))
    (i32.store (local.get 1) (i32.const 0))
    (i32.store offset=4 (local.get 1) (i32.const 1))
    (i32.const 0))

  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32)
    (if (i32.ne (local.get 0) (global.get $root)) (then (return (global.get $no_such_descriptor))))
    (i32.store8 (local.get 1) (i32.const 0x2f))
    (i32.const 0))

  ;; The granted directory in which a path below `/` lies, and the rest of the path.
  (func $find (param $from i32) (param $path i32) (param $length i32) (result i32)
    (local $directory i32) (local $name i32) (local $size i32) (local $same i32)
    (global.set $directory (local.get $from))
    (global.set $path (local.get $path))
    (global.set $length (local.get $length))
    (if (i32.ne (local.get $from) (global.get $root)) (then (return (i32.const 0))))
    (local.set $directory (i32.const 3))
    (loop $each
      (if (call $fd_prestat_get (local.get $directory) (global.get $room)) (then (return (global.get $does_not_exist))))
      (local.set $size (i32.load offset=4 (global.get $room)))
      (local.set $name (i32.add (global.get $room) (i32.const 8)))
      (block $other
        (br_if $other (i32.gt_u (local.get $size) (i32.const 4096)))
        (br_if $other (call $fd_prestat_dir_name (local.get $directory) (local.get $name) (local.get $size)))
        ;; Without the `/` at its beginning, as the path is.
        (br_if $other (i32.eqz (local.get $size)))
        (local.set $name (i32.add (local.get $name) (i32.const 1)))
        (local.set $size (i32.sub (local.get $size) (i32.const 1)))
        (br_if $other (i32.gt_u (local.get $size) (local.get $length)))
        (local.set $same (i32.const 0))
        (block $compared
          (loop $byte
            (br_if $compared (i32.eq (local.get $same) (local.get $size)))
            (br_if $other
              (i32.ne
                (i32.load8_u (i32.add (local.get $name) (local.get $same)))
                (i32.load8_u (i32.add (local.get $path) (local.get $same)))))
            (local.set $same (i32.add (local.get $same) (i32.const 1)))
            (br $byte)))
        (global.set $directory (local.get $directory))
        ;; The directory itself is `.` in it.
        (if (i32.eq (local.get $size) (local.get $length)) (then
          (i32.store8 (global.get $room) (i32.const 0x2e))
          (global.set $path (global.get $room))
          (global.set $length (i32.const 1))
          (return (i32.const 0))))
        (if (local.get $size) (then
          (br_if $other (i32.ne (i32.load8_u (i32.add (local.get $path) (local.get $size))) (i32.const 0x2f)))
          (local.set $size (i32.add (local.get $size) (i32.const 1)))))
        (global.set $path (i32.add (local.get $path) (local.get $size)))
        (global.set $length (i32.sub (local.get $length) (local.get $size)))
        (return (i32.const 0)))
      (local.set $directory (i32.add (local.get $directory) (i32.const 1)))
      (br $each))
    (unreachable))

  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 2) (local.get 3)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_open (global.get $directory) (local.get 1) (global.get $path) (global.get $length) (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8)))

  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 2) (local.get 3)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_filestat_get (global.get $directory) (local.get 1) (global.get $path) (global.get $length) (local.get 4)))

  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 2) (local.get 3)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_filestat_set_times (global.get $directory) (local.get 1) (global.get $path) (global.get $length) (local.get 4) (local.get 5) (local.get 6)))

  (func (export "path_create_directory") (param i32 i32 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 1) (local.get 2)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_create_directory (global.get $directory) (global.get $path) (global.get $length)))

  (func (export "path_remove_directory") (param i32 i32 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 1) (local.get 2)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_remove_directory (global.get $directory) (global.get $path) (global.get $length)))

  (func (export "path_unlink_file") (param i32 i32 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 1) (local.get 2)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_unlink_file (global.get $directory) (global.get $path) (global.get $length)))

  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 1) (local.get 2)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_readlink (global.get $directory) (global.get $path) (global.get $length) (local.get 3) (local.get 4) (local.get 5)))

  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32)
    (local $error i32)
    (local.set $error (call $find (local.get 2) (local.get 3) (local.get 4)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_symlink (local.get 0) (local.get 1) (global.get $directory) (global.get $path) (global.get $length)))

  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32)
    (local $directory i32) (local $path i32) (local $length i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 1) (local.get 2)))
    (if (local.get $error) (then (return (local.get $error))))
    (local.set $directory (global.get $directory))
    (local.set $path (global.get $path))
    (local.set $length (global.get $length))
    (local.set $error (call $find (local.get 3) (local.get 4) (local.get 5)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_rename (local.get $directory) (local.get $path) (local.get $length) (global.get $directory) (global.get $path) (global.get $length)))

  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $directory i32) (local $path i32) (local $length i32)
    (local $error i32)
    (local.set $error (call $find (local.get 0) (local.get 2) (local.get 3)))
    (if (local.get $error) (then (return (local.get $error))))
    (local.set $directory (global.get $directory))
    (local.set $path (global.get $path))
    (local.set $length (global.get $length))
    (local.set $error (call $find (local.get 4) (local.get 5) (local.get 6)))
    (if (local.get $error) (then (return (local.get $error))))
    (call $path_link (local.get $directory) (local.get 1) (local.get $path) (local.get $length) (global.get $directory) (global.get $path) (global.get $length))))
