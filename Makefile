# One verb per need. `make demo` and `make test` each work on a fresh machine with rustup, git, make and a C compiler.
.PHONY: help setup demo test lint fmt check bench tools install deny clean
export CARGO_BUILD_JOBS ?= 2
PROFILE ?= dev
BIN = target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/toolhold
GUEST = --manifest-path tools/Cargo.toml --release --target wasm32-wasip2

help:            ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 16

setup:           ## the Rust toolchain and wasm target that rust-toolchain.toml names
	@rustup toolchain install --no-self-update >/dev/null 2>&1 || rustup target add wasm32-wasip2

tools: setup     ## the first-party tools, as components with their description sections
	cargo build --locked $(GUEST)
	cargo build --locked --workspace --bins
	@mkdir -p target/tools
	@for tool in files http text time; do \
	  $(BIN) pack tools/target/wasm32-wasip2/release/$$tool.wasm --output target/tools/$$tool.wasm --quiet || exit 1; done

demo: tools      ## an agent tidies a copy of examples/inbox under a permission manifest
	@examples/demo.sh $(BIN)

test: setup      ## everything that CI runs
	cargo build --locked $(GUEST)
	if command -v cargo-nextest >/dev/null; then cargo nextest run --locked --workspace && cargo test --locked --workspace --doc; \
	else cargo test --locked --workspace; fi
	cargo test --locked --manifest-path tools/Cargo.toml --target $$(rustc -vV | sed -n 's/host: //p')

lint: setup      ## formatting, clippy without a warning
	cargo fmt --all --check
	cargo clippy --locked --workspace -- -D warnings
	cargo clippy --locked --workspace --all-targets -- -D warnings -A clippy::disallowed_methods -A clippy::too_many_lines

fmt:             ## format everything
	cargo fmt --all
	cargo fmt --manifest-path tools/Cargo.toml --all

check: lint test ## what a commit must pass

bench: setup     ## the product against bare wasmtime, as ratios
	cargo build --locked $(GUEST)
	cargo run --locked --release -p toolhold-benches

install: setup   ## the release binary into ~/.cargo/bin
	cargo install --locked --path host

deny:            ## licences, advisories, sources
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check

clean:           ## every build product
	cargo clean
	cargo clean --manifest-path tools/Cargo.toml
