"""`mogplex-mcp completion`: a script for a shell, made of the table of commands."""

from argparse import BooleanOptionalAction, Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mogplex_mcp.cli.catalog import COMMANDS
from mogplex_mcp.cli.command import Argument, Command
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.terminal.completion import SHELLS, Position, Positions
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.tools.catalog import TOOLSETS

_HELP: Final = {"--help": "show what there is"}
_SWITCHES: Final = ("store_true", BooleanOptionalAction)


async def print_script(_: Settings, given: Namespace) -> int:
    """Print the script."""
    print(SHELLS[given.shell](places()), end="")  # noqa: T201 - what was asked for
    return ExitCode.OK


def places() -> Positions:
    """What can stand where in the command line."""
    return dict(_places(Command("", "", commands=COMMANDS, serves=True), ""))


def _places(command: Command, path: str) -> Iterator[tuple[str, Position]]:
    options = dict(_HELP)
    values: dict[str, Sequence[str]] = {}
    words = {one.name: one.purpose for one in command.commands}
    for argument in command.arguments:
        if not argument.name.startswith("-"):
            words |= _values(command, argument)
            continue
        options[argument.name] = argument.help
        if argument.more.get("action") is BooleanOptionalAction:
            options[argument.name.replace("--", "--no-", 1)] = "the opposite"
        if argument.more.get("action") not in _SWITCHES:
            values[argument.name] = tuple(argument.more.get("choices", ()))
    if command.serves:
        for option in OPTIONS:
            if option.flag and command.takes(option):
                options[f"--{option.flag}"] = option.help
                if option.metavar:
                    values[f"--{option.flag}"] = ()
    yield path, Position(words, options, values)
    for below in command.commands:
        yield from _places(below, f"{path} {below.name}".strip())


def _values(command: Command, argument: Argument) -> Mapping[str, str]:
    """What can stand for an argument that has no name before it."""
    if command.name == "call" and argument.name == "tool":
        return {tool.name: tool.title for toolset in TOOLSETS for tool in toolset.tools}
    if command.name == "install":
        from mogplex_mcp.installation.clients import CLIENTS  # noqa: PLC0415 - only this needs it

        return {client.name: "a client" for client in CLIENTS}
    return {str(choice): argument.help for choice in argument.more.get("choices", ())}
