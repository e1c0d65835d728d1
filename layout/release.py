#!/usr/bin/env python3
"""Builds the release program with its functions in the order in which a start enters them.

Of the program's instructions, a start and a call need a tenth, and these lie all over its file. The kernel takes pages of a file into memory
sixteen at a time, so nearly two thirds of them were resident; in order, they are a tenth (docs/performance.md).

The first time, the program is linked, run with a tool in a directory of its own, and linked again. Later, the order is known: names that
are not there any more are passed over, and functions that are not in it come after. `--anew` finds it out again.
"""

import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import touched

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
PROGRAM, ARGUMENTS, ORDER, MAP = (RELEASE / name for name in ("toolhold", "layout.args", "layout.order", "layout.map"))
GUEST = ROOT / "tools/target/wasm32-wasip2/release/files.wasm"

# Fewer than these, and something is wrong with how they were found.
LEAST = 2_000

# Seconds after which a program that is followed hangs. What it is followed by ends then, and it ends with it.
LONGEST = 300

MANIFEST = """version = 1

[tools.files]
source = "files.wasm"

[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["new.md", "out/**"]
deny = ["private", "*.key"]
atomic = true

[[rules]]
name = "all"
decision = "allow"
tools = ["files.*"]
"""

CALLS = [
    ("read", {"path": "/work/notes.md"}),
    ("write", {"path": "/work/new.md", "content": "new\n"}),
    ("list", {"path": "/work"}),
    ("read", {"path": "/work/new.md"}),
]


def main():
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print("note: the order of functions is found out on Linux on x86-64 only; this program is built without", file=sys.stderr)
        return build()
    RELEASE.mkdir(parents=True, exist_ok=True)
    try:
        in_order()
    except (SystemExit, OSError, subprocess.CalledProcessError) as why:
        # A container may forbid to follow a program, and a linker may know of no order. A program that does not build does not build now.
        print(f"note: the functions stay in the order of the compiler, which takes more memory: {why}", file=sys.stderr)
        build()


def in_order():
    """The first link finds the order out, the second one keeps it."""
    if "--anew" in sys.argv[1:] or not ORDER.exists():
        ORDER.unlink(missing_ok=True)
        link([f'-Map="{MAP}"'])
        ORDER.write_text("".join(f"{name}\n" for name in order()), encoding="utf-8")
        MAP.unlink()
    link([f'--symbol-ordering-file="{ORDER}"', "--no-warn-symbol-ordering", *packed()])


def order():
    """The functions that a server, and a command that calls, enter until they end."""
    known = touched.functions(MAP)
    signal.alarm(LONGEST)
    with tempfile.TemporaryDirectory() as folder:
        program = project(pathlib.Path(folder))
        names = touched.touched([*program, "mcp"], known, client)
        names += touched.touched([*program, "call", "files.read", "path=/work/notes.md"], known, listener)
    signal.alarm(0)
    names = list(dict.fromkeys(names))
    if len(names) < LEAST:
        raise SystemExit(f"only {len(names)} of {len(known)} functions were entered: the order is not usable")
    print(f"{len(names)} of {len(known)} functions come first", file=sys.stderr)
    return names


def project(folder):
    """A manifest, a directory and a tool that was called before; the beginning of a command that uses them."""
    (folder / "work").mkdir()
    (folder / "work/notes.md").write_text("notes\n", encoding="utf-8")
    (folder / "toolhold.toml").write_text(MANIFEST, encoding="utf-8")
    shutil.copy(GUEST, folder / "files.wasm")
    program = [str(PROGRAM), "--manifest", str(folder / "toolhold.toml"), "--cache", str(folder / "cache")]
    subprocess.run([*program, "lock", "--quiet"], check=True)
    subprocess.run([*program, "call", "files.list", "path=/work"], check=True, stdout=subprocess.DEVNULL)
    return program


def client(to_server, from_server):
    """An MCP client, on a thread of its own, that makes some calls and goes."""

    def talk():
        def ask(number, method, parameters):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            to_server.write(json.dumps(request).encode() + b"\n")
            answer = json.loads(from_server.readline())
            if "result" not in answer or answer["result"].get("isError"):
                print(f"{method} has failed: {answer}", file=sys.stderr)
                os._exit(1)

        about = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "layout", "version": "1"}}
        ask(1, "initialize", about)
        to_server.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        ask(2, "tools/list", {})
        for number, (tool, arguments) in enumerate(CALLS, 3):
            ask(number, "tools/call", {"name": f"files__{tool}", "arguments": arguments})
        to_server.close()

    return started(talk)


def listener(to_program, from_program):
    """Says nothing, and reads what comes."""
    to_program.close()
    return started(from_program.read)


def started(talk):
    thread = threading.Thread(target=talk)
    thread.start()
    return thread


def packed():
    """Relocations of addresses as a bitmap, where the C library of this machine reads it: 15 KiB instead of 2 MiB."""
    name, version = platform.libc_ver()
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return ["-z", "pack-relative-relocs"] if name == "glibc" and numbers >= [2, 36] else []


def link(arguments):
    """Builds everything, and links the program with these arguments: `host/build.rs` hands them on."""
    text = "".join(f"{argument}\n" for argument in arguments)
    if not ARGUMENTS.exists() or ARGUMENTS.read_text(encoding="utf-8") != text:
        ARGUMENTS.write_text(text, encoding="utf-8")
        forget_program()
    build({"TOOLHOLD_LINKER_ARGUMENTS": str(ARGUMENTS)})


def forget_program():
    """Removes the program under both of its names, so that it is linked again."""
    if not PROGRAM.exists():
        return
    same = [path for path in (RELEASE / "deps").glob("toolhold-*") if path.samefile(PROGRAM)]
    for path in [*same, PROGRAM]:
        path.unlink()


def build(more=None):
    command = ["cargo", "build", "--locked", "--release", "--workspace", "--bins"]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **(more or {})})


if __name__ == "__main__":
    main()
