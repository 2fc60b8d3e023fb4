"""Messages of `run`, `runs` and `repos` use commands and flags, never the names of tools or their arguments.

Every place in the source that raises an error which these commands can end with is evaluated, with placeholders for
what is known at run time only, and worded for the terminal.
"""

import ast
import builtins
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

import mogplex_mcp
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.api.repos import RepoError, RepoRemedy
from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.cli.terminal.messages import CommandError, command_error
from mogplex_mcp.operations.errors import OperationError, check_id, operation_error
from mogplex_mcp.tools.catalog import TOOLSETS

BASE_URL = "https://mogplex.com/api/v1/mogplex"
SOURCE = Path(mogplex_mcp.__file__).parent
MODULES = [
    *("operations.runs", "operations.known_runs", "operations.run_list", "operations.repos"),
    *("operations.continuation", "operations.several_runs", "runs.several", "runs.several_cursor", "cli.watch"),
    *("cli.run", "cli.runs", "cli.repos", "cli.session", "cli.terminal.following", "cli.terminal.input"),
    *("api.client", "api.http", "api.identifiers", "api.transport", "api.scopes", "api.lenient", "api.responses"),
    *(
        "api.access_token",
        "api.budget",
        "api.repos",
        "api.exchange",
        "api.proxies",
        "api.transport_errors",
        "credentials.sources",
    ),
    *("runs.start", "runs.idempotency", "runs.tail", "runs.watch", "runs.cursor", "storage.state_file"),
]
ERRORS = ["OperationError", "InvalidArgumentError", "MogplexError", "RepoError", "StateError", "CursorError"]
ERRORS += ["CommandError", "usage"]
TOOLS = [tool.definition for toolset in TOOLSETS for tool in toolset.tools]
ARGUMENTS = {name for tool in TOOLS for name in tool.input_schema["properties"] if "_" in name}
FOR_MODELS = re.compile(
    rf"\b(ask the user|the user|call it|call again|with query|{'|'.join([tool.name for tool in TOOLS])}|"
    rf"{'|'.join(ARGUMENTS)})\b",
    re.IGNORECASE,
)


class Placeholder(str):
    """A value that is known at run time only."""

    __slots__ = ()

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return super().__new__(cls, "…")

    def __getattr__(self, _: str) -> "Placeholder":
        return self

    def __call__(self, *_: Any, **__: Any) -> "Placeholder":
        return self

    __sub__ = __floordiv__ = __truediv__ = __call__
    __ge__ = __call__  # type: ignore[assignment]  # compared with a number, unlike a text

    def __format__(self, _: str) -> str:
        return "…"


class Names(dict[str, Any]):
    """The names of a module, with placeholders for local variables."""

    def __missing__(self, _: str) -> Placeholder:
        return Placeholder()


def called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def errors() -> Iterator[Any]:
    for module in MODULES:
        path = SOURCE.joinpath(*module.split(".")).with_suffix(".py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = Names(vars(builtins) | vars(importlib.import_module(f"mogplex_mcp.{module}")))

        def evaluate(node: ast.expr, names: Names = names) -> Any:
            return eval(compile(ast.Expression(node), "<source>", "eval"), {}, names)  # noqa: S307 - our own source

        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Assign)
                and called(node.value) == "Argument"
                and isinstance(node.targets[0], ast.Name)
            ):
                names[node.targets[0].id] = evaluate(node.value)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in ERRORS:
                yield pytest.param(evaluate(node), id=f"{module}:{node.lineno}")


def worded(error: Exception) -> str:
    if isinstance(error, CommandError):
        return error.text
    operation = operation_error(error)
    if isinstance(operation.code, Placeholder):
        operation.code = ErrorCode.INTERNAL_ERROR
    if operation.retry_after is not None:
        operation.retry_after = 30
    return command_error(operation, base_url=BASE_URL).text


@pytest.mark.parametrize("error", list(errors()))
def test_message_of_every_error_names_no_tool_and_no_tool_argument(error: Exception) -> None:
    text = worded(error)
    assert not FOR_MODELS.search(text), text


@pytest.mark.parametrize("hint", RepoRemedy)
def test_message_of_an_unknown_repository_names_commands(hint: RepoRemedy) -> None:
    text = worded(RepoError(ErrorCode.NOT_FOUND, "Mogplex has no repository acme/wbe for this token", hint))
    assert not FOR_MODELS.search(text), text


def test_message_of_a_wrong_id_names_the_argument_of_the_command() -> None:
    with pytest.raises(OperationError) as raised:
        check_id("newest", "run_id")
    assert "RUN must be a Mogplex run id" in worded(raised.value)


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["rnu"], "did you mean run?"),
        (["runs", "evnts"], "did you mean events?"),
        (["serve"], "without a command it serves MCP on stdin and stdout"),
        (["stdio"], "`mogplex-mcp http` serves it over HTTP"),
        (["run", "--harness", "claude", "Fix it."], "did you mean claude-code?"),
        (["qqq"], "the nearest are http, demo, simulator"),
    ],
)
def test_parser_suggests_the_nearest_command(
    arguments: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        build_parser().parse_args(arguments)
    assert exited.value.code == 2
    assert suggestion in capsys.readouterr().err
