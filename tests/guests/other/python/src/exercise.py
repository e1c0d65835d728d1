"""Uses a directory in every way that Python's library offers, and reports what it saw.

As a user of the library would: `pathlib` and `shutil` where they have a word for it, `os` where they have not.
"""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

LARGE = 1 << 20

WORDS = {
    errno.ENOENT: "missing",
    errno.EEXIST: "exists",
    errno.EISDIR: "a directory",
    errno.ENOTDIR: "not a directory",
    errno.ENOTEMPTY: "not empty",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "denied",
}

Report = dict[str, Any]


def exercise(directory: str, fixed: str) -> Report:
    """`directory` is empty and may be written, `fixed` holds `kept.txt` and may be read only."""
    report: Report = {}
    _contents(report, Path(directory))
    os.chdir(directory)
    for step in (_facts, _moves, _large, _trees, _errors, _removals):
        step(report)
    _fixed_directory(report, Path(fixed))
    _escapes(report, directory)
    return report


def _word(error: OSError) -> str:
    return WORDS.get(error.errno or 0, str(error))


def _outcome(action: Callable[[], Any]) -> str:
    try:
        action()
    except OSError as error:
        return _word(error)
    return "done"


def _content(path: Path | str) -> str:
    try:
        return Path(path).read_text()
    except OSError as error:
        return _word(error)


def _contents(report: Report, directory: Path) -> None:
    """Writing, reading back, appending, seeking, shortening."""
    path = directory / "a.txt"
    path.write_text("hello world\n")
    report["created"] = _content(path)
    with path.open("a") as file:
        file.write("more\n")
    report["appended"] = _content(path)
    with path.open("rb+") as file:
        file.seek(6)
        report["tail"] = file.read(5).decode()
        file.seek(2)
        file.write(b"LL")
        report["end"] = file.seek(0, os.SEEK_END)
        file.flush()
        os.fsync(file.fileno())
        report["patched"] = _content(path)
        file.truncate(5)
    report["cut"] = _content(path)


def _facts(report: Report) -> None:
    """What is told of files, and what can be set of it. From here on paths are relative to the directory."""
    path = Path("a.txt")
    report["kind"] = _kind(path)
    report["size"] = path.stat().st_size
    report["directory"] = _kind(Path("."))
    os.truncate(path, LARGE)
    report["grown"] = path.stat().st_size
    os.truncate(path, 5)
    os.utime(path, ns=(1_000_000_001 * 10**9, 1_000_000_000 * 10**9 + 250_000_000))
    report["modified"] = path.stat().st_mtime_ns // 1_000_000


def _kind(path: Path) -> str:
    return "directory" if path.is_dir() else "file" if path.is_file() else "other"


def _moves(report: Report) -> None:
    shutil.copyfile("a.txt", "b.txt")
    report["copied"] = _content("b.txt")
    Path("b.txt").rename("c.txt")
    report["moved"] = _content("c.txt")
    report["moved away"] = _content("b.txt")
    Path("d.txt").write_text("other")
    Path("d.txt").replace("c.txt")
    report["replaced"] = _content("c.txt")


def _large(report: Report) -> None:
    """More than any buffer holds: as many bytes come back as were written, each the one that was."""
    path = Path("large")
    content = bytes(i % 251 for i in range(LARGE))
    path.write_bytes(content)
    read = path.read_bytes()
    report["large"] = len(read) if read == content else "other bytes"
    path.unlink()


def _tree() -> list[str]:
    paths = sorted(Path(".").rglob("*"), key=lambda path: path.parts)
    return [f"{path}/" if path.is_dir() else str(path) for path in paths]


def _trees(report: Report) -> None:
    report["mkdir"] = _outcome(lambda: Path("deep/er/est").mkdir(parents=True))
    Path("deep/er/f.txt").write_text("f")
    Path("deep/er/est/é.txt").write_text("e")
    report["tree"] = _tree()
    report["moved directory"] = _outcome(lambda: shutil.move("deep", "place"))
    report["moved within"] = _content("place/er/f.txt")
    report["tree after"] = _tree()


def _errors(report: Report) -> None:
    report["open missing"] = _outcome(lambda: open("missing"))
    report["remove missing"] = _outcome(lambda: os.remove("missing"))
    report["create anew"] = _outcome(lambda: open("a.txt", "x"))
    report["make anew"] = _outcome(lambda: os.mkdir("place"))
    report["remove full"] = _outcome(lambda: os.rmdir("place"))
    report["write directory"] = _outcome(lambda: open("place", "r+b", buffering=0))
    report["open below file"] = _outcome(lambda: open("a.txt/x"))
    report["link"] = _outcome(lambda: os.symlink("a.txt", "link"))


def _removals(report: Report) -> None:
    report["remove"] = _outcome(Path("a.txt").unlink)
    for path in Path(".").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    report["left"] = _tree()


def _fixed_directory(report: Report, fixed: Path) -> None:
    kept, new = fixed / "kept.txt", fixed / "new.txt"
    report["fixed"] = _content(kept)
    report["fixed write"] = _outcome(lambda: kept.open("r+"))
    report["fixed truncate"] = _outcome(lambda: os.truncate(kept, 0))
    report["fixed create"] = _outcome(lambda: new.write_text("new"))
    report["fixed mkdir"] = _outcome(new.mkdir)
    report["fixed rename"] = _outcome(lambda: kept.rename(new))
    report["fixed remove"] = _outcome(kept.unlink)
    report["fixed utime"] = _outcome(lambda: os.utime(kept))


def _escapes(report: Report, directory: str) -> None:
    """Which error an escape is, each library says in its own way; that it is one is what counts."""
    os.chdir(directory)
    os.mkdir("sub")
    for name in ("../secret.txt", "sub/../../secret.txt", "../../../../etc/passwd"):
        opened = "done" in (_outcome(lambda: open(name)), _outcome(lambda: open(f"{directory}/{name}")))
        report[name] = "opened" if opened else "refused"
    report["/etc/passwd"] = "opened" if _outcome(lambda: open("/etc/passwd")) == "done" else "refused"
    os.rmdir("sub")
