#!/bin/sh
# Builds the `sql` component into target/other-guests/sql.wasm.
#
# SQLite is C. Its compiler for wasm32 is zig's, from PyPI, in the version that the test guests in C are built with, in the same virtual
# environment; nothing is installed on the system. What is up to date is not built again: cargo knows.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out="$root/target/other-guests"
requirements="$root/tests/guests/other/requirements.txt"
unset CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
export ZIG_GLOBAL_CACHE_DIR="$out/cache/zig" ZIG_LOCAL_CACHE_DIR="$out/cache/zig"

# The environment may be there already, with all compilers; zig alone is enough.
python="$out/venv/bin/python"
if ! "$python" -m ziglang version >/dev/null 2>&1; then
  command -v python3 >/dev/null || { echo "error: there is no python3, with which the C compiler is installed" >&2; exit 1; }
  python="$out/zig-venv/bin/python"
  if ! "$python" -m ziglang version >/dev/null 2>&1; then
    rm -rf "$out/zig-venv"
    mkdir -p "$out"
    python3 -m venv "$out/zig-venv"
    sed -n '/^ziglang==/,/[^\\]$/p' "$requirements" > "$out/zig-requirements.txt"
    "$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes -r "$out/zig-requirements.txt"
  fi
fi

# cargo's crates call a compiler with a target of clang's own name; zig wants its own.
mkdir -p "$out/sql"
cat > "$out/sql/cc" <<EOF
#!/bin/sh
for word; do shift; case "\$word" in --target=*) ;; *) set -- "\$@" "\$word" ;; esac; done
exec "$python" -m ziglang cc -target wasm32-wasi "\$@"
EOF
cat > "$out/sql/ar" <<EOF
#!/bin/sh
exec "$python" -m ziglang ar "\$@"
EOF
chmod +x "$out/sql/cc" "$out/sql/ar"
export CC_wasm32_wasip2="$out/sql/cc" AR_wasm32_wasip2="$out/sql/ar"
# Nothing is attached, nothing is loaded, nothing is spilled to files.
export LIBSQLITE3_FLAGS="-DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_MAX_ATTACHED=0 -DSQLITE_TEMP_STORE=3"
# With the other tools: what they have compiled already is not compiled again.
export CARGO_TARGET_DIR="$root/tools/target"
cargo build --locked --release --target wasm32-wasip2 --manifest-path "$root/tools/sql/Cargo.toml"
cp "$CARGO_TARGET_DIR/wasm32-wasip2/release/sql.wasm" "$out/sql.wasm"
