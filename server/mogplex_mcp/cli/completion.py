"""`mogplex-mcp completion`: print a completion script, made from the table of commands."""

from argparse import BooleanOptionalAction, Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mogplex_mcp.cli.catalog import COMMANDS
from mogplex_mcp.cli.command import Command, CommandArgument
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.terminal.completion import SHELLS, Candidates, CompletionTable
from mogplex_mcp.config.options import LOG_LEVELS, OPTIONS, Option
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.tools.catalog import TOOLSETS

_HELP: Final = {"--help": "show help"}
_SWITCHES: Final = ("store_true", BooleanOptionalAction)


async def print_script(_: Settings, given: Namespace) -> int:
    """Print the script for a shell."""
    print(SHELLS[given.shell](completion_table()), end="")  # noqa: T201 - the output of the command
    return ExitCode.OK


def completion_table() -> CompletionTable:
    """Return the candidates at each position of the command line."""
    return dict(_candidates(Command("", "", commands=COMMANDS, serves=True), ""))


def _candidates(command: Command, path: str) -> Iterator[tuple[str, Candidates]]:
    options = dict(_HELP)
    values: dict[str, Sequence[str]] = {}
    words = {subcommand.name: subcommand.summary for subcommand in command.commands}
    for argument in command.arguments:
        if not argument.name.startswith("-"):
            words |= _positional_values(command, argument)
            continue
        options[argument.name] = argument.help
        if argument.kwargs.get("action") is BooleanOptionalAction:
            options[argument.name.replace("--", "--no-", 1)] = "the opposite"
        if argument.kwargs.get("action") not in _SWITCHES:
            values[argument.name] = tuple(argument.kwargs.get("choices", ()))
    if command.serves:
        for option in OPTIONS:
            if option.flag and command.accepts(option):
                options[f"--{option.flag}"] = option.help
                if option.metavar:
                    values[f"--{option.flag}"] = _option_values(option)
    yield path, Candidates(words, options, values)
    for subcommand in command.commands:
        yield from _candidates(subcommand, f"{path} {subcommand.name}".strip())


def _option_values(option: Option) -> Sequence[str]:
    """Return the known values of an option of the server; of several in one word, those of the first."""
    tools = [tool.name for toolset in TOOLSETS for tool in toolset.tools]
    known = {
        "toolsets": ["all", *(toolset.name for toolset in TOOLSETS)],
        "tools": tools,
        "exclude_tools": tools,
        "log_level": LOG_LEVELS,
    }
    return ("true", "false") if option.metavar == "BOOLEAN" else known.get(option.setting, ())


def _positional_values(command: Command, argument: CommandArgument) -> Mapping[str, str]:
    """Return the known values of a positional argument, with their descriptions."""
    if command.name == "call" and argument.name == "tool":
        return {tool.name: tool.title for toolset in TOOLSETS for tool in toolset.tools}
    if command.name == "install":
        from mogplex_mcp.installation.clients import CLIENTS  # noqa: PLC0415 - only `install` needs it

        return {client.name: "a client" for client in CLIENTS}
    if argument.name == "modes":
        from mogplex_mcp.simulator.modes import MODES  # noqa: PLC0415 - only `simulator` needs it

        return dict.fromkeys(MODES, "a mode")
    return {str(choice): argument.help for choice in argument.kwargs.get("choices", ())}
