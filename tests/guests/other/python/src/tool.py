"""The tools `echo` and `exercise` in Python."""

from toolhold import log, read, tool, write

import exercise as steps


def _schema(*names: str) -> dict:
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


@tool(input=_schema("text"), read_only=True, idempotent=True)
def echo(text: str) -> str:
    """Returns what it is given."""
    log("echo in Python")
    return text


@tool(
    input=_schema("directory", "fixed"),
    destructive=True,
    needs=[read("/**", "reads back what it wrote"), write("/**", "makes files to exercise with")],
)
def exercise(directory: str, fixed: str) -> dict:
    """Uses a directory in every way that the library offers."""
    return steps.exercise(directory, fixed)
