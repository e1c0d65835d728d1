"""The guest for capsule-run: counts lines and words of a text file, as the sample tool that `toolhold new --lang python` makes does."""

from capsule import task


@task(name="main")
def main(path: str) -> dict:
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return {"lines": len(lines), "words": len(text.split())}
