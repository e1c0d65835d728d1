//! Components as text: the tool world by hand, and a place for the instructions of each test.

/// A tool section with one tool, `t`.
const SECTION: &str =
    r#"{"format":1,"tools":[{"name":"t","title":"T","description":"D","input-schema":{"type":"object"}}]}"#;

/// Imports of a guest beside the types of the tool world.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Imports {
    /// In the component: `import`, `alias`, and `core func $name (canon lower …)`.
    pub(super) outer: &'static str,
    /// In its core module: `import "host" "name"`.
    pub(super) inner: &'static str,
    /// Where the module is instantiated: `export "name" (func $name)`.
    pub(super) given: &'static str,
}

/// The tool world's context.
pub(super) const CONTEXT: Imports = Imports {
    outer: r#"
    (import "toolhold:tool/context@0.1.0" (instance $context
      (alias outer 1 $level (type $l)) (export "level" (type $lv (eq $l)))
      (export "log" (func (param "level" $lv) (param "message" string)))
      (export "emit" (func (param "chunk" string)))
      (export "cancelled" (func (result bool)))))
    (core func $log (canon lower (func $context "log") (memory $mem)))
    (core func $emit (canon lower (func $context "emit") (memory $mem)))
    (core func $cancelled (canon lower (func $context "cancelled")))"#,
    inner: r#"
    (import "host" "log" (func $log (param i32 i32 i32)))
    (import "host" "emit" (func $emit (param i32 i32)))
    (import "host" "cancelled" (func $cancelled (result i32)))"#,
    given: r#"(export "log" (func $log)) (export "emit" (func $emit)) (export "cancelled" (func $cancelled))"#,
};

/// Sleeping: a clock and a way to wait for it.
pub(super) const SLEEP: Imports = Imports {
    outer: r#"
    (import "wasi:io/poll@0.2.6" (instance $poll
      (export "pollable" (type $p (sub resource)))
      (export "[method]pollable.block" (func (param "self" (borrow $p))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.6" (instance $clock
      (alias outer 1 $pollable (type $q)) (export "pollable" (type $p (eq $q)))
      (export "now" (func (result u64)))
      (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
    (core func $block (canon lower (func $poll "[method]pollable.block")))
    (core func $now (canon lower (func $clock "now")))
    (core func $subscribe (canon lower (func $clock "subscribe-duration")))"#,
    inner: r#"
    (import "host" "block" (func $block (param i32)))
    (import "host" "now" (func $now (result i64)))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))"#,
    given: r#"(export "block" (func $block)) (export "now" (func $now)) (export "subscribe" (func $subscribe))"#,
};

/// Standard output and error, and the guest's own end.
pub(super) const COMMAND_LINE: Imports = Imports {
    outer: r#"
    (import "wasi:io/error@0.2.6" (instance $error (export "error" (type (sub resource)))))
    (alias export $error "error" (type $io-error))
    (import "wasi:io/streams@0.2.6" (instance $streams
      (export "output-stream" (type $s (sub resource)))
      (alias outer 1 $io-error (type $e0)) (export "error" (type $e (eq $e0)))
      (type $f0 (variant (case "last-operation-failed" (own $e)) (case "closed")))
      (export "stream-error" (type $f (eq $f0)))
      (export "[method]output-stream.blocking-write-and-flush"
        (func (param "self" (borrow $s)) (param "contents" (list u8)) (result (result (error $f)))))))
    (alias export $streams "output-stream" (type $stream))
    (import "wasi:cli/stdout@0.2.6" (instance $stdout
      (alias outer 1 $stream (type $s)) (export "output-stream" (type $o (eq $s)))
      (export "get-stdout" (func (result (own $o))))))
    (import "wasi:cli/stderr@0.2.6" (instance $stderr
      (alias outer 1 $stream (type $s)) (export "output-stream" (type $o (eq $s)))
      (export "get-stderr" (func (result (own $o))))))
    (import "wasi:cli/exit@0.2.6" (instance $exit (export "exit" (func (param "status" (result))))))
    (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem)))
    (core func $out (canon lower (func $stdout "get-stdout")))
    (core func $err (canon lower (func $stderr "get-stderr")))
    (core func $exit (canon lower (func $exit "exit")))"#,
    inner: r#"
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "out" (func $out (result i32)))
    (import "host" "err" (func $err (result i32)))
    (import "host" "exit" (func $exit (param i32)))"#,
    given: r#"(export "write" (func $write)) (export "out" (func $out)) (export "err" (func $err))
      (export "exit" (func $exit))"#,
};

/// What a guest is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) imports: Imports,
    /// What `invoke` does before it returns `{}`; `return` a pointer to return something else.
    pub(super) invoke: &'a str,
    /// What `describe` does before it returns no tools.
    pub(super) describe: &'a str,
    /// Further fields of the core module, such as a start function.
    pub(super) module: &'a str,
    /// The name of the export.
    pub(super) export: &'a str,
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self {
            imports: Imports::default(),
            invoke: "",
            describe: "",
            module: "",
            export: "toolhold:tool/described@0.1.0",
        }
    }
}

/// Where `invoke` puts its result: `ok`, and a string at 1024. The host's arguments come after 4096.
const RESULT: &str = r#"(data (i32.const 0) "\00\00\00\00\00\04\00\00\02\00\00\00") (data (i32.const 1024) "{}")
      (data (i32.const 32) "\01\00\00\00\03\00\00\00\00\08\00\00\04\00\00\00") (data (i32.const 2048) "oops")"#;

/// The component, without a tool section.
pub(super) fn undescribed(text: Text<'_>) -> Vec<u8> {
    let Imports { outer, inner, given } = text.imports;
    let Text { invoke, describe, module, export, .. } = text;
    let wat = format!(
        r#"(component
    (import "toolhold:tool/types@0.1.0" (instance $types
      (type $a (enum "read" "write" "network")) (export "effect" (type $effect (eq $a)))
      (type $b (record (field "effect" $effect) (field "target" string) (field "reason" string)))
      (export "need" (type $need (eq $b)))
      (type $c (record (field "read-only" bool) (field "destructive" bool) (field "idempotent" bool) (field "open-world" bool)))
      (export "hints" (type $hints (eq $c)))
      (type $d (record (field "name" string) (field "title" string) (field "description" string)
        (field "input-schema" string) (field "output-schema" (option string)) (field "hints" $hints)
        (field "needs" (list $need)) (field "extra" string)))
      (export "tool-info" (type (eq $d)))
      (type $e (variant (case "invalid-args" string) (case "denied" string) (case "not-found" string)
        (case "failed" string) (case "cancelled") (case "other" (tuple string string))))
      (export "tool-error" (type (eq $e)))
      (type $f (enum "debug" "info" "warn" "error")) (export "level" (type (eq $f)))))
    (alias export $types "tool-info" (type $tool-info))
    (alias export $types "tool-error" (type $tool-error))
    (alias export $types "level" (type $level))
    (core module $libc (memory (export "memory") 2)
      (global $next (mut i32) (i32.const 4096))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        global.get $next
        (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 15)) (i32.const -16)))))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $mem))
    (alias core export $libc "realloc" (core func $realloc))
    {outer}
    (core module $tool
      (import "libc" "memory" (memory 2))
      {inner}
      {RESULT}
      {module}
      (func (export "describe") (result i32) {describe} (i32.const 512))
      (func (export "invoke") (param i32 i32 i32 i32) (result i32) (local $i i32) (local $j i32) {invoke} (i32.const 0)))
    (core instance $host {given})
    (core instance $tool (instantiate $tool (with "libc" (instance $libc)) (with "host" (instance $host))))
    (func $describe (result (list $tool-info))
      (canon lift (core func $tool "describe") (memory $mem) (realloc $realloc)))
    (func $invoke (param "name" string) (param "args" string) (result (result string (error $tool-error)))
      (canon lift (core func $tool "invoke") (memory $mem) (realloc $realloc)))
    (instance $described (export "describe" (func $describe)) (export "invoke" (func $invoke)))
    (export "{export}" (instance $described)))"#
    );
    wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}"))
}

/// `component` with a tool section after it.
pub(super) fn with_section(mut component: Vec<u8>, section: &str) -> Vec<u8> {
    use wasm_encoder::{ComponentSection, CustomSection};
    let custom = CustomSection { name: toolhold_core::describe::SECTION.into(), data: section.as_bytes().into() };
    custom.append_to_component(&mut component);
    component
}

/// A component that describes itself in a section, so that loading it runs nothing.
pub(super) fn guest(text: Text<'_>) -> Vec<u8> {
    with_section(undescribed(text), SECTION)
}

/// A guest without imports whose `invoke` does this.
pub(super) fn computing(invoke: &str) -> Vec<u8> {
    guest(Text { invoke, ..Text::default() })
}

/// A guest with these imports whose `invoke` does this.
pub(super) fn importing(imports: Imports, invoke: &str) -> Vec<u8> {
    guest(Text { imports, invoke, ..Text::default() })
}
