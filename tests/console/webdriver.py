"""A headless Chromium, driven over the WebDriver protocol by way of Debian's chromedriver. Standard library only.

What a person does: goes somewhere, reads, types, clicks, presses keys. A screenshot is of the whole page at a width, in light or dark.
"""

import base64
import json
import pathlib
import shutil
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB, ENTER = "\ue004", "\ue007"

# How long a page may take to be as it should be, in seconds.
PATIENCE = 20


class Browser:
    """One browser with a profile of its own. Used with `with`, so that it ends however the test does."""

    def __init__(self):
        driver = shutil.which("chromedriver")
        if driver is None:
            raise SystemExit("chromedriver is missing: apt-get install chromium chromium-driver")
        self.process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.address = f"http://127.0.0.1:{self._port()}"
            options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
            wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": options}, "goog:loggingPrefs": {"browser": "ALL"}}
            answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self.session = f"/session/{answer['sessionId']}"
        except BaseException:
            self.process.kill()
            raise

    def _port(self):
        for line in self.process.stdout:
            if "successfully on port" in line:
                return int(line.rstrip().rstrip(".").rsplit(" ", 1)[1])
        raise SystemExit("chromedriver did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._ask("DELETE", self.session)
        finally:
            self.process.terminate()
            self.process.wait()

    def _ask(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.address + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"].split("\n")[0]) from None

    def _do(self, command, body=None, method="POST"):
        return self._ask(method, self.session + command, body)

    def cdp(self, command, **parameters):
        """What WebDriver has no word for: colours, sizes, cookies."""
        return self._do("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def go(self, url):
        self._do("/url", {"url": url})

    @property
    def url(self):
        return self._do("/url", method="GET")

    def run(self, script, *arguments):
        return self._do("/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def find(self, selector):
        return self._do("/element", {"using": "css selector", "value": selector})[ELEMENT]

    def count(self, selector):
        """How many there are, without a script."""
        return len(self._do("/elements", {"using": "css selector", "value": selector}))

    def press_link(self, selector):
        """Clicks without a script."""
        self._do(f"/element/{self.find(selector)}/click")

    def click(self, selector):
        element = self.find(selector)
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        self._do(f"/element/{element}/click")

    def type(self, selector, text, clear=False):
        element = self.find(selector)
        if clear:
            self._do(f"/element/{element}/clear")
        self._do(f"/element/{element}/value", {"text": text})

    def press(self, *keys):
        """Presses keys, wherever the focus is."""
        actions = [step for key in keys for step in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self._do("/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def wait(self, what, is_so):
        """Waits until it is so; says what was waited for, and what the page said instead."""
        end = time.monotonic() + PATIENCE
        while True:
            found = is_so()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for: {what}\n{self.url}\n{self.text()}")
            time.sleep(0.1)

    def sees(self, text, selector="body"):
        self.wait(f"`{text}` in {selector}", lambda: text.lower() in self.text(selector).lower())

    def complaints(self):
        """What the console of the browser says: errors of scripts, and everything that the policy of a page refused."""
        return [line["message"] for line in self._do("/se/log", {"type": "browser"}) if line["level"] in ("SEVERE", "WARNING")]

    def look(self, width, dark=False, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path):
        """The whole page, however long it is."""
        size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        data = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_bytes(base64.b64decode(data))
