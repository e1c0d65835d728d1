#!/bin/sh
# Builds the guests and tells the tests that they need not. Run by nextest; settings of the host's build are not the guests'.
set -eu
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
cargo build --quiet --locked --release --target wasm32-wasip2 --manifest-path "$(dirname "$0")/../tools/Cargo.toml"
echo "TOOLHOLD_GUESTS_PREBUILT=1" >> "$NEXTEST_ENV"
