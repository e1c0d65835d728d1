#!/bin/sh
# Peers, at pinned versions, into target/peers: what `toolhold-bench peers` measures beside the product. No test needs any of it.
# Whatever cannot be installed is left out of the table, and said.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/benches/peers"
out="$root/target/peers"
mkdir -p "$out"

# The same counting of words in Python for both: once as capsule-run compiles it, once as the product does.
compile_words() {
  rm -rf "$out/capsule" "$out/words" "$out/words.wasm"
  cp -R "$here/capsule" "$out/capsule"
  (cd "$out/capsule" && PATH="$out/venv/bin:$PATH" "$out/venv/bin/capsule" build words.py --export > build.log) || return 1
  "$root/target/release/toolhold" new words --lang python --path "$out/words" --quiet || return 1
  ln -s "$out/venv" "$out/words/.venv"
  "$root/target/release/toolhold" build "$out/words" --output "$out/words.wasm" --quiet
}

if command -v python3 > /dev/null; then
  test -d "$out/venv" || python3 -m venv "$out/venv"
  if "$out/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir -r "$here/requirements.txt"; then
    test -f "$out/words.wasm" || compile_words || echo "peers: capsule-run is left out: its guest, or the product's in Python, does not compile" >&2
  else
    echo "peers: extism and capsule-run are left out: PyPI has not given them" >&2
  fi
else
  echo "peers: extism and capsule-run are left out: there is no python3" >&2
fi

if command -v npm > /dev/null; then
  cp "$here/package.json" "$here/package-lock.json" "$out/"
  (cd "$out" && npm ci --silent --no-audit --no-fund --ignore-scripts) \
    || echo "peers: server-filesystem is left out: npm has not given it" >&2
else
  echo "peers: server-filesystem is left out: there is no npm" >&2
fi

command -v bwrap > /dev/null || echo "peers: bubblewrap is left out: 'apt-get install bubblewrap' brings it" >&2
