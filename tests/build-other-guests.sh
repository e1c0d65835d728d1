#!/bin/sh
# Builds the guests of `tests/guests/other` into target/other-guests: `build-other-guests.sh [c|python|go]...`, all by default.
#
# Compilers come from PyPI in pinned versions, into a virtual environment there; nothing is installed on the system.
# What is up to date is not built again: a stamp beside each component holds the digest of all that it was made of.
# An outdated component is removed first, so that a test never runs one.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
sources="$root/tests/guests/other"
out="$root/target/other-guests"
bin="$out/venv/bin"
maker="$out/maker/debug/guest-maker"
# Settings of the host's build are not the generators', and caches do not go into anybody's home.
unset CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
export CARGO_TARGET_DIR="$out/maker"
export ZIG_GLOBAL_CACHE_DIR="$out/cache/zig" ZIG_LOCAL_CACHE_DIR="$out/cache/zig"
export GOCACHE="$out/cache/go" GOPATH="$out/cache/gopath" GOENV=off GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-mod=mod

digest() {
  find "$@" -type f ! -path '*/__pycache__/*' | LC_ALL=C sort | xargs sha256sum | sed "s|$root/||" | sha256sum | cut -d' ' -f1
}

digest_of() {
  digest "$0" "$root/wit" "$sources/requirements.txt" "$sources/maker/Cargo.lock" "$sources/maker/src" "$sources/$1"
}

up_to_date() {
  test -f "$out/$1.wasm" && test "$(cat "$out/$1.stamp" 2>/dev/null)" = "$(digest_of "$1")"
}

install_compilers() {
  stamp=$(digest "$sources/requirements.txt")
  test "$(cat "$out/venv/stamp" 2>/dev/null)" = "$stamp" && return
  rm -rf "$out/venv"
  python3 -m venv "$out/venv"
  "$bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes -r "$sources/requirements.txt"
  echo "$stamp" > "$out/venv/stamp"
}

build_c() {
  "$maker" c "$root/wit" gen
  # The linker's default stack of 64 KiB overflows into data without a word; zig's own of 16 MiB is memory of every call.
  "$bin/python" -m ziglang cc -target wasm32-wasi -mexec-model=reactor -std=gnu17 -Os -s -Wall -Wextra -Werror \
    -Wl,-z,stack-size=1048576 -Igen -o core.wasm ./*.c gen/*.c gen/*.o
  "$maker" component core.wasm component.wasm
}

build_python() {
  "$bin/componentize-py" --quiet -d "$root/wit" -w described-tool componentize toolhold_app -o component.wasm
}

build_go() {
  mkdir export_toolhold_tool_described
  mv ./*.go export_toolhold_tool_described
  "$maker" go "$root/wit" .
  # What the bindings import comes with their generator, so no module is downloaded.
  "$bin/go" mod edit -replace "go.bytecodealliance.org/pkg=$(go_package)"
  # The package links to a function of Go's run time.
  GOOS=wasip1 GOARCH=wasm "$bin/go" build -trimpath -buildmode=c-shared -ldflags='-s -w -checklinkname=0' -o core.wasm .
  "$maker" embed "$root/wit" core.wasm
  "$maker" component core.wasm component.wasm
}

go_package() {
  cargo metadata --locked --format-version 1 --manifest-path "$sources/maker/Cargo.toml" | "$bin/python" -c '
import json, pathlib, sys
packages = json.load(sys.stdin)["packages"]
print(*[pathlib.Path(p["manifest_path"]).parent / "src/pkg" for p in packages if p["name"] == "wit-bindgen-go"])'
}

build() {
  work="$out/build/$1"
  rm -rf "$work" "$out/$1.wasm"
  mkdir -p "$work"
  find "$sources/$1" -maxdepth 1 -type f -exec cp {} "$work" ';'
  (cd "$work" && "build_$1")
  mv "$work/component.wasm" "$out/$1.wasm"
  digest_of "$1" > "$out/$1.stamp"
}

outdated=
for language in ${*:-c python go}; do up_to_date "$language" || outdated="$outdated $language"; done
test -n "$outdated" || exit 0
for language in $outdated; do rm -f "$out/$language.wasm"; done
command -v python3 >/dev/null || { echo "error: there is no python3, with which compilers are installed" >&2; exit 1; }
mkdir -p "$out"
# Meanwhile the bindings' generators are compiled.
install_compilers &
cargo build --quiet --locked --manifest-path "$sources/maker/Cargo.toml"
wait $!
for language in $outdated; do build "$language"; done
