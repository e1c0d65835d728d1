"""Extism's Python SDK: a fresh plugin per call, compiled once. Makes calls for as long as it is told, and says how long each took.

One line in, milliseconds; one line out, nanoseconds of each call as a JSON list."""

import json
import sys
import time

import extism


def section(number, content):
    return bytes([number]) + leb(len(content)) + content


def leb(number):
    out = b""
    while True:
        low, number = number & 0x7F, number >> 7
        if not number:
            return out + bytes([low])
        out += bytes([low | 0x80])


def text(value):
    return leb(len(value)) + value.encode()


def echo():
    """A plugin that gives back what it gets: `output_set(input_offset(), input_length())`."""
    result_i64, takes_two, result_i32 = b"\x60\x00\x01\x7e", b"\x60\x02\x7e\x7e\x00", b"\x60\x00\x01\x7f"
    env = "extism:host/env"
    imports = b"".join(text(env) + text(name) + bytes([0, kind]) for name, kind in [("input_offset", 0), ("input_length", 0), ("output_set", 1)])
    body = b"\x00" + b"\x10\x00" + b"\x10\x01" + b"\x10\x02" + b"\x41\x00" + b"\x0b"
    return (
        b"\0asm\x01\0\0\0"
        + section(1, leb(3) + result_i64 + takes_two + result_i32)
        + section(2, leb(3) + imports)
        + section(3, leb(1) + leb(2))
        + section(7, leb(1) + text("echo") + b"\x00" + leb(3))
        + section(10, leb(1) + leb(len(body)) + body)
    )


compiled = extism.extism.CompiledPlugin(echo())
ARGUMENTS = b"{}"


def call():
    plugin = extism.Plugin(compiled)
    result = plugin.call("echo", ARGUMENTS)
    assert bytes(result) == ARGUMENTS, result


call()
print("ready", flush=True)
for line in sys.stdin:
    until, took = time.perf_counter_ns() + int(line) * 1_000_000, []
    while not took or time.perf_counter_ns() < until:
        began = time.perf_counter_ns()
        call()
        took.append(time.perf_counter_ns() - began)
    print(json.dumps(took), flush=True)
