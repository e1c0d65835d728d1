#!/usr/bin/env python3
"""The console in a real browser, from the login to a file that was changed as a person wanted it.

Each check is a function; what it is about is its name. Screenshots of what they came by are in target/console-screenshots.
"""

import json
import sys
import time

from server import NOTES, ROOT, Server
from webdriver import ENTER, TAB, Browser

SHOTS = ROOT / "target/console-screenshots"


def log_in(browser, server, token):
    browser.go(server.url + "/runs")
    browser.wait("the login", lambda: "/login" in browser.url)
    browser.type("#token", token)
    browser.press(ENTER)
    browser.sees("Runs", "h1")


def shots(browser, name):
    """What a page looks like on a desk and in a hand, by day and by night; nothing is wider than the hand."""
    for width in (1280, 375, 320):
        for dark in (False, True):
            if width == 320 and dark:
                continue
            browser.look(width, dark)
            browser.screenshot(SHOTS / f"{name}-{width}-{'dark' if dark else 'light'}.png")
            wide = browser.run("return document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide at {width}"
    browser.look(1280)


def edit(new):
    return {"path": "/work/notes.md", "edits": [{"old": "honey", "new": new}]}


def a_call_waits_is_changed_and_runs_as_it_was_changed(browser, server, tokens):
    server.call_behind(tokens["agent"], "files.edit", **edit("poison"))
    browser.go(server.url + "/approvals")
    browser.sees("files.edit", "#waiting")
    browser.sees("1", "#places .count")
    shots(browser, "approvals")
    browser.click("#waiting a")
    browser.sees("What it would do")
    browser.sees("-Milk, bread and honey.", ".diff")
    browser.sees("+Milk, bread and poison.", ".diff")
    browser.sees("these are the notes of the whole team", "#head")
    browser.sees("high risk", "#head")
    assert (server.path / "work/notes.md").read_text() == NOTES, "the preview changed nothing"
    shots(browser, "approval")

    # What is no longer valid, or what a rule denies, is said beside what was written, and nothing is decided.
    browser.click("#decision summary")
    browser.type("#arguments", '{"path": "/work/notes.md", "edits": [{"old": "honey", "knew": "x"}]}', clear=True)
    browser.click("#decision details button")
    browser.sees("do not fit the tool", "#decision .said")
    assert "knew" in browser.run("return document.querySelector('#arguments').value"), "what was written is still there"
    browser.screenshot(SHOTS / "approval-wrong-1280-light.png")

    browser.type("#arguments", json.dumps(edit("jam")), clear=True)
    browser.click("#decision details button")
    browser.sees("Approved, with your arguments")
    browser.wait("the file", lambda: (server.path / "work/notes.md").read_text() == NOTES.replace("honey", "jam"))
    browser.sees("approved and used", "#head")
    browser.sees("approved it with other arguments", "#head")
    shots(browser, "approval-decided")
    browser.click('#head a[href^="/calls/"]')
    browser.sees("landed", "#effects h2")
    browser.sees("approved by a person", "#head")
    shots(browser, "call")


def a_person_says_no_and_the_model_hears_why(browser, server, tokens):
    server.call_behind(tokens["agent"], "files.write", path="/work/plan.md", content="World domination.\n")
    browser.go(server.url + "/approvals")
    browser.sees("files.write", "#waiting")
    browser.click("#waiting a")
    browser.type("#reason", "not on a Friday")
    browser.press(ENTER)
    browser.sees("Rejected.")
    assert not (server.path / "work/plan.md").exists()
    report = server.call(tokens["agent"], "files.write", path="/work/plan.md", content="World domination.\n")
    assert "not on a Friday" in json.dumps(report), report


def what_was_done_is_undone_with_a_click(browser, server, tokens):
    browser.go(server.url + "/calls?tool=files.edit")
    browser.click("#list a")
    browser.sees("takes back 1 change", "#effects")
    browser.click("#effects button")
    browser.sees("Taken back: 1 change.")
    browser.sees("taken back", "#effects h2")
    assert (server.path / "work/notes.md").read_text() == NOTES


def a_page_keeps_up_and_leaves_alone_what_is_written(browser, server, tokens):
    browser.go(server.url + "/calls")
    browser.sees("kept up to date", "#live")
    before = browser.run("return document.querySelectorAll('#list tbody tr').length")
    server.call(tokens["agent"], "files.read", path="/work/notes.md")
    browser.wait("another row", lambda: browser.run("return document.querySelectorAll('#list tbody tr').length") == before + 1)
    server.call_behind(tokens["agent"], "files.write", path="/work/new.md", content="new\n")
    browser.wait("the count", lambda: browser.text("#places .count").startswith("1"))
    browser.go(server.url + "/approvals")
    browser.click("#waiting a")
    browser.type("#reason", "half a sen")
    server.call(tokens["agent"], "files.read", path="/work/notes.md")
    time.sleep(1.5)
    assert browser.run("return document.querySelector('#reason').value") == "half a sen"
    browser.type("#reason", "tence")
    browser.press(ENTER)
    browser.sees("half a sentence")


def what_a_tool_writes_is_never_markup(browser, server, tokens):
    evil = "<img src=x onerror=\"document.title='evil'\"><script>document.title='evil'</script>\u202egpj.exe"
    (server.path / "work/evil.md").write_text(evil + "\n")
    server.call(tokens["agent"], "files.read", path="/work/evil.md")
    server.call_behind(tokens["agent"], "files.write", path=f"/work/{evil.replace('/', '_')}", content=evil + "\n")
    browser.go(server.url + "/approvals")
    browser.sees("onerror", "#waiting")
    browser.click("#waiting a")
    browser.sees("<script>", ".diff")
    browser.sees("\\u{202e}", ".diff")
    assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
    assert "evil" not in browser.run("return document.title")
    shots(browser, "evil")
    browser.click("#decision .danger")
    browser.sees("Rejected.")


def everything_is_reached_with_the_keyboard_alone(browser, server, tokens):
    browser.go(server.url + "/runs")
    browser.run("document.activeElement.blur()")
    browser.press(TAB)
    assert browser.run("return document.activeElement.className") == "skip", "the first stop leads past the navigation"
    assert browser.run("return document.activeElement.getBoundingClientRect().top") >= 0, "and can be seen"
    reached = set()
    for _ in range(30):
        browser.press(TAB)
        reached.add(browser.run("const e = document.activeElement; return (e.getAttribute('href') ?? e.id ?? '') || e.tagName"))
        width = browser.run("return getComputedStyle(document.activeElement).outlineWidth")
        seen = browser.run("return document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert seen, f"the focus cannot be seen ({width})"
    for place in ("/approvals", "/runs", "/calls", "/dead-letters", "/health", "/tools", "/audit", "state", "task"):
        assert place in reached, f"{place} is not among {reached}"


def every_page_is_fit_to_be_seen(browser, server, tokens):
    pages = {"overview": "/", "runs": "/runs", "calls": "/calls", "dead-letters": "/dead-letters", "health": "/health", "tools": "/tools",
             "tool": "/tools/files.edit", "audit": "/audit"}
    for name, path in pages.items():
        browser.go(server.url + path)
        browser.wait("its heading", lambda: browser.text("h1"))
        assert browser.run("return document.querySelectorAll('main').length + document.querySelectorAll('h1').length") == 2, name
        unnamed = browser.run("""return [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
            .filter((one) => !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim())).map((one) => one.outerHTML)""")
        assert unnamed == [], f"{name}: {unnamed}"
        contrast(browser, name)
        shots(browser, name)


def contrast(browser, name):
    """Every text has the contrast that WCAG asks for (AA), by day and by night."""
    script = """
      const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
      const behind = (one) => { for (; one; one = one.parentElement) { const c = rgb(getComputedStyle(one).backgroundColor); if (c[3] !== 0) return c; } return [255, 255, 255]; };
      const poor = [];
      for (const one of document.querySelectorAll('body *')) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !one.getClientRects().length || one instanceof SVGElement) continue;
        const style = getComputedStyle(one);
        const [a, b] = [light(rgb(style.color)), light(behind(one))].sort((x, y) => y - x);
        const ratio = (a + .05) / (b + .05);
        const large = parseFloat(style.fontSize) >= 24;
        if (ratio < (large ? 3 : 4.5)) poor.push(`${one.tagName}.${one.className} ${ratio.toFixed(2)}: ${one.textContent.trim().slice(0, 40)}`);
      }
      return [...new Set(poor)];"""
    for dark in (False, True):
        browser.look(1280, dark)
        poor = browser.run(script)
        assert poor == [], f"{name}, {'dark' if dark else 'light'}: {poor}"
    browser.look(1280)


def without_a_script_everything_still_works(browser, server, tokens):
    server.call_behind(tokens["agent"], "files.write", path="/work/plain.md", content="plain\n")
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.go(server.url + "/approvals")
        for _ in range(100):
            if browser.count("#waiting a"):
                break
            time.sleep(0.1)
            browser.go(server.url + "/approvals")
        browser.press_link("#waiting a")
        browser.press_link("#decision .primary")
        for _ in range(100):
            if (server.path / "work/plain.md").exists():
                break
            time.sleep(0.1)
        assert (server.path / "work/plain.md").read_text() == "plain\n"
    finally:
        browser.cdp("Emulation.setScriptExecutionDisabled", value=False)


def the_audit_of_all_this_holds(browser, server, tokens):
    browser.go(server.url + "/audit?kind=approval-modified")
    browser.sees("approval-modified", "table")
    browser.click(".heading button")
    browser.sees("none changed")


def who_leaves_is_out(browser, server, tokens):
    browser.go(server.url + "/")
    browser.click(".who button")
    browser.wait("the login", lambda: "/login" in browser.url)
    shots(browser, "login")
    browser.go(server.url + "/approvals")
    assert "/login" in browser.url, browser.url


CHECKS = [
    a_call_waits_is_changed_and_runs_as_it_was_changed,
    a_person_says_no_and_the_model_hears_why,
    what_was_done_is_undone_with_a_click,
    a_page_keeps_up_and_leaves_alone_what_is_written,
    what_a_tool_writes_is_never_markup,
    everything_is_reached_with_the_keyboard_alone,
    without_a_script_everything_still_works,
    every_page_is_fit_to_be_seen,
    the_audit_of_all_this_holds,
    who_leaves_is_out,
]


def main():
    wanted = sys.argv[1:]
    server = Server()
    tokens = {name: server.token(name, role) for name, role in [("agent", "run"), ("person", "admin")]}
    with server, Browser() as browser:
        browser.look(1280)
        log_in(browser, server, tokens["person"])
        for check in CHECKS:
            if wanted and not any(word in check.__name__ for word in wanted):
                continue
            began = time.monotonic()
            try:
                check(browser, server, tokens)
            except AssertionError:
                browser.screenshot(SHOTS / "failed.png")
                print((server.path / "log").read_text()[-4000:], file=sys.stderr)
                raise
            complaints = [line for line in browser.complaints() if "422" not in line and "favicon" not in line]
            assert complaints == [], f"the browser complains: {complaints}"
            print(f"ok  {time.monotonic() - began:5.1f}s  {check.__name__.replace('_', ' ')}", flush=True)


if __name__ == "__main__":
    main()
