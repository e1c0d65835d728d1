#!/usr/bin/env bash
# The main job, on a copy of examples/tidy: an agent with a scripted model tidies a folder under a permission manifest: first as
# a dry run, which shows every change and makes none, then for real; then one of its calls is taken back.
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

task="Tidy the inbox: receipts into a folder of their own, and an index of what is open."

step "2. What would the agent do?  toolhold run 'Tidy the inbox' --model scripted:script.toml --dry-run --quiet"
"$bin" run "$task" --model scripted:script.toml --dry-run --quiet

step "   Nothing of it happened. The folder is as it was:"
(cd inbox && find . -type f | sort)

step "3. Let it work:  toolhold run 'Tidy the inbox' --model scripted:script.toml"
"$bin" run "$task" --model scripted:script.toml

step "4. What was changed, by which call?  toolhold history"
"$bin" history

move="$("$bin" history | awk '$3 == "files.move" { print $2; exit }')"
step "5. The last move was not wanted. Take it back:  toolhold undo $move"
"$bin" undo "$move"

step "6. Why was the delete denied?  toolhold explain files.delete path=/inbox/ideas.md"
"$bin" explain files.delete path=/inbox/ideas.md || true

step "7. Is the record whole?  toolhold audit verify"
"$bin" audit verify

step "The folder after:"
(cd inbox && find . -type f | sort)
printf '\nEverything is in %s: edit toolhold.toml there and try again.\n' "target/demo"
