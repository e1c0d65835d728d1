;; Starts Ruby once, when the tool is built, and calls the tool afterwards. What is built is the memory that the first has left.
(module
  (import "ruby" "memory" (memory 1))
  (import "ruby" "cabi_realloc" (func $reallocate (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $ruby_init (param i32 i32)))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $evaluate (param i32 i32) (result i32)))
  (import "toolhold_files" "prepare" (func $prepare (param i32)))

  ;; A text of at most 23 bytes in Ruby's memory, with zeros behind it. Data of a module's own would not outlast the build.
  (func $text (param i64 i64 i64) (result i32) (local $at i32)
    (local.set $at (call $allocate (i32.const 24)))
    (i64.store (local.get $at) (local.get 0))
    (i64.store offset=8 (local.get $at) (local.get 1))
    (i64.store offset=16 (local.get $at) (local.get 2))
    (local.get $at))

  (func $allocate (param $bytes i32) (result i32)
    (call $reallocate (i32.const 0) (i32.const 0) (i32.const 8) (local.get $bytes)))

  ;; Runs a line of Ruby. It catches what goes wrong and says so; nothing is left to be caught here.
  (func $run (param $text i32) (param $length i32)
    (if (i32.load offset=4 (call $evaluate (local.get $text) (local.get $length))) (then unreachable)))

  (func (export "wizer.initialize") (local $arguments i32)
    (call $prepare (call $allocate (i32.const 4112)))
    (local.set $arguments (call $allocate (i32.const 24)))
    ;; ruby
    (i32.store (local.get $arguments)
      (call $text (i64.const 0x0000000079627572) (i64.const 0) (i64.const 0)))
    (i32.store offset=4 (local.get $arguments) (i32.const 4))
    ;; -EUTF-8
    (i32.store offset=8 (local.get $arguments)
      (call $text (i64.const 0x00382d465455452d) (i64.const 0) (i64.const 0)))
    (i32.store offset=12 (local.get $arguments) (i32.const 7))
    ;; -e_=0
    (i32.store offset=16 (local.get $arguments)
      (call $text (i64.const 0x000000303d5f652d) (i64.const 0) (i64.const 0)))
    (i32.store offset=20 (local.get $arguments) (i32.const 5))
    (call $ruby_init (local.get $arguments) (i32.const 3))
    ;; load "/sdk/start.rb"
    (call $run
      (call $text (i64.const 0x732f222064616f6c) (i64.const 0x74726174732f6b64) (i64.const 0x000000002262722e))
      (i32.const 20)))

  (func (export "_start")
    ;; Toolhold.call
    (call $run
      (call $text (i64.const 0x646c6f686c6f6f54) (i64.const 0x0000006c6c61632e) (i64.const 0))
      (i32.const 13))))
