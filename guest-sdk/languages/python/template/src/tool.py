"""The tools of `{{name}}`."""

from toolhold import log, read, tool


@tool(
    title="Word count",
    input={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Absolute path of a UTF-8 text file."},
            "empty_lines": {"type": "boolean", "description": "Count empty lines too; true if left out."},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
    output={
        "type": "object",
        "properties": {"lines": {"type": "integer", "minimum": 0}, "words": {"type": "integer", "minimum": 0}},
        "required": ["lines", "words"],
    },
    needs=[read("/**", "reads the file it is asked to count")],
    read_only=True,
    idempotent=True,
)
def word_count(path: str, empty_lines: bool = True) -> dict:
    """Counts the lines and words of a text file."""
    # The documentation is what the model reads: say what the tool does and when to use it.
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    log(f"counting {len(text)} characters")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return {
        "lines": sum(1 for line in lines if empty_lines or line.strip()),
        "words": len(text.split()),
    }
