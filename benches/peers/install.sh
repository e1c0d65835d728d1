#!/bin/sh
# Peers, at pinned versions, into target/peers: what `toolhold-bench peers` measures beside the product. No test needs any of it.
# Whatever cannot be installed is left out of the table, and said.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/benches/peers"
out="$root/target/peers"
mkdir -p "$out"

if command -v python3 > /dev/null; then
  test -d "$out/venv" || python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir -r "$here/requirements.txt" \
    || echo "peers: extism is left out: PyPI has not given it" >&2
else
  echo "peers: extism is left out: there is no python3" >&2
fi

if command -v npm > /dev/null; then
  cp "$here/package.json" "$here/package-lock.json" "$out/"
  (cd "$out" && npm ci --silent --no-audit --no-fund --ignore-scripts) \
    || echo "peers: server-filesystem is left out: npm has not given it" >&2
else
  echo "peers: server-filesystem is left out: there is no npm" >&2
fi

command -v bwrap > /dev/null || echo "peers: bubblewrap is left out: 'apt-get install bubblewrap' brings it" >&2
