"""A project in a directory of its own, a server of it, and a client that asks it for calls."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / "target/debug/toolhold"
FILES = ROOT / "tools/target/wasm32-wasip2/release/files.wasm"

MANIFEST = """
version = 1

[tools.files]
source = "files.wasm"

[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]
deny = ["private/**"]

[[rules]]
name = "look around"
decision = "allow"
tools = ["files.read", "files.list", "files.search", "files.stat"]

[[rules]]
name = "no deleting"
decision = "deny"
tools = ["files.delete"]
reason = "what is gone is gone"

[[rules]]
name = "a person looks at every edit"
decision = "ask"
tools = ["files.write", "files.edit", "files.move"]
reason = "these are the notes of the whole team"
risk = "high"
"""

NOTES = "# Notes\n\nMilk, bread and honey.\n\n## Later\n\nCall the plumber.\n"


class Server:
    """Used with `with`: it ends however the test does."""

    def __init__(self, manifest=MANIFEST):
        self.folder = tempfile.TemporaryDirectory(prefix="toolhold-console-")
        self.path = pathlib.Path(self.folder.name)
        (self.path / "work/private").mkdir(parents=True)
        (self.path / "work/notes.md").write_text(NOTES)
        (self.path / "toolhold.toml").write_text(manifest)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.path), "XDG_CACHE_HOME": str(ROOT / "target/console-cache")}
        self.toolhold("pack", str(FILES), "--output", "files.wasm")
        self.toolhold("lock")
        self.process = None

    def toolhold(self, *words):
        done = subprocess.run([str(BINARY), *words], cwd=self.path, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"toolhold {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def token(self, name, role):
        return json.loads(self.toolhold("tokens", "create", name, "--role", role, "--json"))["token"]

    def __enter__(self):
        command = [str(BINARY), "serve", "--listen", "127.0.0.1:0", "--json"]
        log = open(self.path / "log", "w")
        self.process = subprocess.Popen(command, cwd=self.path, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)
        text = ""
        for line in self.process.stdout:
            text += line
            try:
                self.url = json.loads(text)["url"]
                return self
            except ValueError:
                continue
        raise SystemExit("the server did not start: " + (self.path / "log").read_text())

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.folder.cleanup()

    def ask(self, token, method, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def call(self, token, tool, **arguments):
        """Makes a call and waits for its end."""
        status, report = self.ask(token, "POST", "/v1/calls", {"tool": tool, "arguments": arguments})
        assert status == 200, report
        return report

    def call_behind(self, token, tool, **arguments):
        """Makes a call for which nobody waits on the line: it waits for a person, and then runs."""
        body = {"tool": tool, "arguments": arguments}
        status, started = self.ask(token, "POST", "/v1/calls", body, {"prefer": "respond-async"})
        assert status == 202, started
        return started["call"]
