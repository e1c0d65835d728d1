"""What a tool in Python needs to speak to Toolhold: a decorator, needs, errors, and the way to the operator's log."""

from componentize_py_types import Err
from wit_world.imports import context, types


def read(target: str, reason: str) -> types.Need:
    """The tool reads what matches the glob `target`, such as `/**`."""
    return types.Need(types.Effect.READ, target, reason)


def write(target: str, reason: str) -> types.Need:
    """The tool creates, changes or deletes what matches the glob `target`."""
    return types.Need(types.Effect.WRITE, target, reason)


def network(target: str, reason: str) -> types.Need:
    """The tool sends requests to the origin `target`, such as `https://api.example.com`."""
    return types.Need(types.Effect.NETWORK, target, reason)


# Why a tool did not do what it was asked. A model reads the message: name the value, say what to do instead.
def invalid_args(message: str) -> Err:
    return Err(types.ToolError_InvalidArgs(message))


def denied(message: str) -> Err:
    return Err(types.ToolError_Denied(message))


def not_found(message: str) -> Err:
    return Err(types.ToolError_NotFound(message))


def failed(message: str) -> Err:
    return Err(types.ToolError_Failed(message))


def other(code: str, message: str) -> Err:
    return Err(types.ToolError_Other((code, message)))


def log(message: str) -> None:
    """A line for the operator's log."""
    context.log(types.Level.INFO, message)


def warn(message: str) -> None:
    """A line for the operator's log, to look at."""
    context.log(types.Level.WARN, message)


def progress(done: float, total: float | None = None, message: str = "") -> None:
    """How far a long call is."""
    context.progress(done, total, message)


def cancelled() -> bool:
    """Whether nobody waits any more."""
    return context.cancelled()


TOOLS = {}


def tool(
    *,
    input,
    output=None,
    title=None,
    description=None,
    needs=(),
    read_only=False,
    destructive=None,
    idempotent=False,
    open_world=False,
):
    """Makes a tool of a function: its name is the tool's, its documentation is what the model reads, `input` and `output` are
    JSON Schemas. It gets the arguments by name and returns what JSON has a word for, or raises one of the errors above.
    Unless `destructive` is said, a tool that is not `read_only` counts as one that destroys.
    """
    if destructive is None:
        destructive = not read_only

    def declare(function):
        text = description or function.__doc__ or ""
        TOOLS[function.__name__] = (
            function,
            {
                "title": title or function.__name__.replace("_", " ").capitalize(),
                "description": "\n".join(line.strip() for line in text.strip().splitlines()),
                "input": input,
                "output": output,
                "hints": types.Hints(read_only, destructive, idempotent, open_world),
                "needs": list(needs),
            },
        )
        return function

    return declare
