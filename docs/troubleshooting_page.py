"""Generate the errors on the page about troubleshooting from the texts of the program."""

from collections.abc import Iterator
from typing import Final

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.cli.exit_codes import exit_code_of
from mogplex_mcp.cli.terminal.messages import command_error
from mogplex_mcp.operations.errors import OperationCode, OperationError
from mogplex_mcp.toolkit.errors import tool_error

_TOOLS: Final = ("check_connection", "list_repos", "list_runs", "list_sandboxes")
_TOOL: Final = "the tool"


def errors() -> str:
    """Return a section for each error, headed by the text with which it begins."""
    return "\n".join(line for code in (*ErrorCode, *OperationCode) for line in _section(code)).strip("\n")


def _section(code: str) -> Iterator[str]:
    error = OperationError(code)
    person = command_error(error, base_url=DEFAULT_BASE_URL)
    model = tool_error(error, base_url=DEFAULT_BASE_URL, offered=_TOOLS, tool=_TOOL)
    yield from ("", f"### {person.happened}", "")
    if model.happened != person.happened:
        yield from (f"To a model: “{model.happened}”", "")
    yield from (
        f"- Code `{model.code}`, exit status {exit_code_of(model.code).value}",
        f"- In a terminal: {person.advice}",
        f"- To a model: {model.following}",
    )
