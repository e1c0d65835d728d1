#!/bin/sh
# Builds what is not Rust into target/other-guests: the guests of `tests/guests/other`, and the sample that `toolhold new` makes in each
# language. `build-other-guests.sh [NAME]...`, all by default; a sample is called sample-LANGUAGE.
#
# Compilers come from PyPI and npm in the versions that the templates pin; nothing is installed on the system.
# What is up to date is not built again: a stamp beside each component holds the digest of all that it was made of.
# An outdated component is removed first, so that a test never runs one.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
guests="$root/tests/guests/other"
languages="$root/guest-sdk/languages"
out="$root/target/other-guests"
toolhold="$root/target/debug/toolhold"
all="c python go sample-rust sample-c sample-cpp sample-zig sample-go sample-python sample-javascript sample-typescript sample-assemblyscript sample-nim sample-ruby"
# Settings of the host's build are not the guests', and caches do not go into anybody's home.
unset CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
export ZIG_GLOBAL_CACHE_DIR="$out/cache/zig" ZIG_LOCAL_CACHE_DIR="$out/cache/zig"
export GOCACHE="$out/cache/go" GOPATH="$out/cache/gopath" GOENV=off GOPROXY=off
# Where the tests look too: what is compiled here for its description is not compiled there again.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
export TOOLHOLD_CACHE="${TMPDIR:-/tmp}/toolhold-test-cache-$version"

digest() {
  find "$@" -type f ! -path '*/__pycache__/*' ! -path '*/target/*' | LC_ALL=C sort | xargs sha256sum | sed "s|$root/||" | sha256sum | cut -d' ' -f1
}

digest_of() {
  case "$1" in
    sample-rust) digest "$0" "$root/wit" "$root/guest-sdk" "$root/tools/Cargo.lock" ;;
    sample-*) digest "$0" "$root/wit" "$languages" "$root/host/src/authoring" ;;
    *) digest "$0" "$root/wit" "$languages" "$root/host/src/authoring" "$guests/$1" ;;
  esac
}

up_to_date() {
  test -f "$out/$1.wasm" && test "$(cat "$out/$1.stamp" 2>/dev/null)" = "$(digest_of "$1")"
}

# install FOLDER FILES COMMAND...: runs the command in a folder of its own, unless it was run for the same files.
install() {
  folder="$out/$1" stamp=$(digest $2)
  shift 2
  test "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" && return
  rm -rf "$folder"
  mkdir -p "$folder"
  (cd "$folder" && "$@")
  echo "$stamp" > "$folder/stamp"
}

python_compilers() {
  python3 -m venv .
  bin/pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
    -r "$languages/c/template/requirements.txt" -r "$languages/go/template/requirements.txt" -r "$languages/python/template/requirements.txt" \
    -r "$languages/nim/template/requirements.txt"
}

node_compilers() {
  for file in package.json package-lock.json; do sed 's/{{name}}/compilers/' "$languages/$1/template/$file" > "$file"; done
  npm ci --silent --no-audit --no-fund
}

install_compilers() {
  install venv "$languages/c/template/requirements.txt $languages/go/template/requirements.txt $languages/python/template/requirements.txt $languages/nim/template/requirements.txt" python_compilers
  install javascript "$languages/javascript/template/package-lock.json" node_compilers javascript
  install assemblyscript "$languages/assemblyscript/template/package-lock.json" node_compilers assemblyscript
  install ruby "$languages/ruby/template/package-lock.json" node_compilers ruby
}

build() {
  work="$out/build/$1"
  mkdir -p "$out/build"
  case "$1" in
    # The sample of Rust shares the dependencies of the tools, in their versions and as they are compiled already.
    sample-rust)
      rm -rf "$work"
      "$toolhold" new sample --lang rust --path "$work" --quiet
      cp "$root/tools/Cargo.lock" "$work"
      CARGO_TARGET_DIR="$root/tools/target" "$toolhold" build "$work" --output "$out/$1.wasm" --quiet
      ;;
    sample-*)
      rm -rf "$work"
      "$toolhold" new sample --lang "${1#sample-}" --path "$work" --quiet
      ;;
    *)
      rm -rf "$work"
      cp -R "$guests/$1" "$work"
      ;;
  esac
  case "$1" in
    sample-rust) ;;
    *-javascript | *-typescript) ln -s "$out/javascript/node_modules" "$work/node_modules" ;;
    *-ruby) ln -s "$out/ruby/node_modules" "$work/node_modules" ;;
    *-assemblyscript) ln -s "$out/assemblyscript/node_modules" "$work/node_modules" ;;
    *) ln -s "$out/venv" "$work/.venv" ;;
  esac
  test "$1" = sample-rust || "$toolhold" build "$work" --output "$out/$1.wasm" --quiet
  digest_of "$1" > "$out/$1.stamp"
}

outdated=
for name in ${*:-$all}; do up_to_date "$name" || outdated="$outdated $name"; done
test -n "$outdated" || exit 0
for name in $outdated; do rm -f "$out/$name.wasm"; done
for program in python3 npm; do
  command -v $program >/dev/null || { echo "error: there is no $program, with which compilers are installed" >&2; exit 1; }
done
mkdir -p "$out"
# Meanwhile the program itself is compiled.
install_compilers &
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --workspace --bins
wait $!
# The longest of them, on one processor for most of its time, runs beside the others.
beside=
for name in $outdated; do if test "$name" = sample-ruby; then build "$name" & beside=$!; fi; done
for name in $outdated; do test "$name" = sample-ruby || build "$name"; done
test -z "$beside" || wait "$beside"
