#!/usr/bin/env python3
"""The official Python client against the program, over each transport and in each revision: what a person's client does."""

import asyncio
import json
import os
import pathlib
import subprocess
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

BIN, MANIFEST, URL, TOKEN = sys.argv[1:5]
WORK = pathlib.Path(MANIFEST).parent / "work"


def stdio():
    return StdioServerParameters(command=BIN, args=["--manifest", MANIFEST, "mcp"])


def http():
    client = httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    return streamable_http_client(URL, http_client=client)


def text(result):
    return result.content[0].text


async def use(name, server, mode):
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        expected = "2025-11-25" if mode == "legacy" else "2026-07-28"
        assert client.protocol_version == expected, client.protocol_version
        listed = [tool.name for tool in (await client.list_tools()).tools]
        assert listed == sorted(listed) and "files__read" in listed, listed
        # What no rule ever lets run is not shown.
        assert "files__delete" not in listed, listed

        read = await client.call_tool("files__read", {"path": "/work/notes.md"})
        assert "# Notes" in text(read), read
        picture = await client.call_tool("conformance__test_image_content", {})
        assert picture.content[0].mime_type == "image/png", picture
        document = await client.call_tool("conformance__test_embedded_resource", {})
        assert document.content[0].resource.text.startswith("This is"), document

        heard = []

        async def hear(done, total, message):
            heard.append((done, total, message))

        await client.call_tool("conformance__test_tool_with_progress", {}, progress_callback=hear)
        assert heard == [(0.0, 100.0, "working"), (50.0, 100.0, "working"), (100.0, 100.0, "working")], heard

        denied = await client.call_tool("files__write", {"path": "/work/notes.md", "content": "x"})
        assert denied.is_error and "granted are paths below" in text(denied), denied
        assert (WORK / "notes.md").read_text() == "# Notes\n"

        # The client gives up; the guest, which would sleep for ever, is stopped.
        running = asyncio.ensure_future(client.call_tool("wait__sleep_forever", {}))
        await asyncio.sleep(0.5)
        running.cancel()
        try:
            await running
            raise AssertionError("a call that was given up has a result")
        except asyncio.CancelledError:
            pass
        again = await client.call_tool("files__read", {"path": "/work/notes.md"})
        assert not again.is_error
    print(f"python {name} {expected}: ok")


async def main():
    only = os.environ.get("TRANSPORT")
    for mode in ["legacy", "2026-07-28"]:
        if only != "http":
            await use("stdio", stdio(), mode)
        if only != "stdio":
            await use("http", http(), mode)


asyncio.run(main())
