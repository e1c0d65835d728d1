#!/bin/sh
# Installs what reads metrics and YAML in tests into target/telemetry, once: pinned wheels of PyPI.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/tests/telemetry"
out="$root/target/telemetry"
stamp=$(sha256sum "$here/requirements.txt" | cut -d' ' -f1)
if test "$(cat "$out/stamp" 2>/dev/null)" != "$stamp"; then
  rm -rf "$out"
  mkdir -p "$out"
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes -r "$here/requirements.txt"
  echo "$stamp" > "$out/stamp"
fi
