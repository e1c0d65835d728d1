"""The component: hands the world's calls to the tools that `src/tool.py` declares."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

import tool  # noqa: F401  (declares the tools)
from toolhold import TOOLS


def _info(name, about) -> types.ToolInfo:
    output = about["output"]
    return types.ToolInfo(
        name=name,
        title=about["title"],
        description=about["description"],
        input_schema=json.dumps(about["input"]),
        output_schema=None if output is None else json.dumps(output),
        hints=about["hints"],
        needs=about["needs"],
        extra="{}",
    )


def _of_system(error: OSError) -> Err:
    message = f"`{error.filename}`: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        return Err(types.ToolError_NotFound(f"`{error.filename}`: does not exist"))
    if isinstance(error, PermissionError):
        return Err(types.ToolError_Denied(message))
    return Err(types.ToolError_Failed(message))


class Described(exports.Described):
    def describe(self) -> list[types.ToolInfo]:
        return [_info(name, about) for name, (_, about) in TOOLS.items()]

    def invoke(self, name: str, args: str) -> str:
        if name not in TOOLS:
            raise Err(types.ToolError_InvalidArgs(f"there is no tool `{name}`"))
        function, _ = TOOLS[name]
        try:
            return json.dumps(function(**json.loads(args)))
        except OSError as error:
            raise _of_system(error) from error
