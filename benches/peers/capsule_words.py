"""capsule-run's Python SDK: its worker process makes a fresh instance per call. The first argument is the compiled guest; the working
directory has `work/small` in it. Makes calls for as long as it is told, and says how long each took.

Says first that it is ready and which process makes the calls. Then one line in, milliseconds; one line out, nanoseconds of each call as a
JSON list."""

import asyncio
import json
import pathlib
import sys
import time

from capsule import worker

CAPSULE = str(pathlib.Path(sys.executable).with_name("capsule"))


async def call():
    # Not by `run`, which starts a process for the call, and says nothing, where the worker fails.
    report = await worker.run_with_worker(file=sys.argv[1], args=["work/small"], mounts=["work::work:ro"], capsule_path=CAPSULE)
    assert report["success"] and report["result"] == {"lines": 1, "words": 1}, report


async def main():
    await call()
    [client] = worker._clients.values()
    print("ready", client._process.pid, flush=True)
    for line in sys.stdin:
        until, took = time.perf_counter_ns() + int(line) * 1_000_000, []
        while not took or time.perf_counter_ns() < until:
            began = time.perf_counter_ns()
            await call()
            took.append(time.perf_counter_ns() - began)
        print(json.dumps(took), flush=True)


asyncio.run(main())
