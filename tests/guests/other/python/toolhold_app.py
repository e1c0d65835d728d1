"""The tools `echo` and `exercise` in Python: what they say of themselves, and which one is called."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import context, types

from exercise import exercise


def _schema(*names: str) -> str:
    properties = {name: {"type": "string"} for name in names}
    return json.dumps(
        {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
    )


ECHO = types.ToolInfo(
    name="echo",
    title="Echo",
    description="Returns what it is given.",
    input_schema=_schema("text"),
    output_schema=None,
    hints=types.Hints(read_only=True, destructive=False, idempotent=True, open_world=False),
    needs=[],
    extra="{}",
)

EXERCISE = types.ToolInfo(
    name="exercise",
    title="Exercise",
    description="Uses a directory in every way that the library offers.",
    input_schema=_schema("directory", "fixed"),
    output_schema=None,
    hints=types.Hints(read_only=False, destructive=True, idempotent=False, open_world=False),
    needs=[
        types.Need(types.Effect.READ, "/**", "reads back what it wrote"),
        types.Need(types.Effect.WRITE, "/**", "makes files to exercise with"),
    ],
    extra="{}",
)


def echo(text: str) -> str:
    context.log(types.Level.INFO, "echo in Python")
    return text


TOOLS = {"echo": echo, "exercise": exercise}


class Described(exports.Described):
    def describe(self) -> list[types.ToolInfo]:
        return [ECHO, EXERCISE]

    def invoke(self, name: str, args: str) -> str:
        tool = TOOLS.get(name)
        if tool is None:
            raise Err(types.ToolError_InvalidArgs(f"no tool `{name}`"))
        return json.dumps(tool(**json.loads(args)))
