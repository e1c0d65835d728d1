#!/usr/bin/env bash
# The main job, on a copy of examples/tidy: an agent with a scripted model tidies a folder under a permission manifest.
# No key, no server, no network. What is left behind is in target/demo: look at it, change it, run it again.
set -euo pipefail
bin="$(realpath "$1")"
root="$(cd "$(dirname "$0")/.." && pwd)"
demo="$root/target/demo"

rm -rf "$demo"
mkdir -p "$demo/tools"
cp -R "$root/examples/tidy/." "$demo/"
cp "$root/target/tools/files.wasm" "$root/target/tools/text.wasm" "$demo/tools/"
cd "$demo"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || step() { printf '\n%s\n' "$*"; }

step "The folder before:"
(cd inbox && find . -type f | sort)

step "1. The manifest says what may happen. Pin the tools that it names:  toolhold lock"
"$bin" lock

step "2. Let the agent work:  toolhold run 'Tidy the inbox' --model scripted:script.toml"
"$bin" run "Tidy the inbox: receipts into a folder of their own, and an index of what is open." --model scripted:script.toml

step "3. Why was the delete denied?  toolhold explain files.delete path=/inbox/ideas.md"
"$bin" explain files.delete path=/inbox/ideas.md || true

step "4. Is the record whole?  toolhold audit verify"
"$bin" audit verify

step "The folder after:"
(cd inbox && find . -type f | sort)
printf '\nEverything is in %s: edit toolhold.toml there and try again.\n' "target/demo"
