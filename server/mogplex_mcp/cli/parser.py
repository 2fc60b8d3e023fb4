"""The parser of the command line, made of the tables of options and commands."""

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from mogplex_mcp import __version__
from mogplex_mcp.cli.catalog import COMMANDS
from mogplex_mcp.cli.command import STDIO, Command
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.core.redaction import Redactor

USAGE_ERROR: Final = ExitCode.USAGE

_HELP_WIDTH: Final = 100

_DESCRIPTION: Final = """\
MCP server for Mogplex: lets an AI agent start coding-agent runs on your GitHub repositories and follow them to their
pull request. Without a command it serves MCP on stdin and stdout; that is what clients' configurations start.
"""


class Parser(argparse.ArgumentParser):
    """A parser that shows no secret that was typed by mistake, and ends with the exit code of a usage error."""

    def __init__(self, prog: str | None = None, **more: Any) -> None:
        # Whoever writes --api-key by mistake must not have given a file of that name.
        super().__init__(prog, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
        self._mixes = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Take options also between words of which any number may stand: `call list_repos --json limit=2`."""
        if self._mixes or self._subparsers or not any(one.nargs in ("?", "*") for one in self._actions):
            return super().parse_known_args(args, namespace)
        self._mixes = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixes = False

    def error(self, message: str) -> NoReturn:
        """End the process with what is wrong."""
        self.exit(USAGE_ERROR, Redactor().redact(f"{self.prog}: {message}\nSee {self.prog} --help.\n"))


def build_parser() -> Parser:
    """The parser; what it gives has the command as `command` and the texts of options under the names of settings."""
    parser = Parser("mogplex-mcp", description=_DESCRIPTION, epilog=_environment_help(OPTIONS))
    parser.set_defaults(command=STDIO)
    parser.add_argument("--version", action="version", version=f"mogplex-mcp {__version__}")
    _add_options(parser, [option for option in OPTIONS if STDIO.takes(option)])
    _add_commands(parser, COMMANDS, required=False)
    return parser


def _add_commands(parser: argparse.ArgumentParser, commands: Sequence[Command], *, required: bool) -> None:
    below = parser.add_subparsers(metavar="command", title="commands", required=required)
    for command in commands:
        options = [option for option in OPTIONS if command.takes(option)]
        one = below.add_parser(
            command.name,
            help=command.purpose,
            description=_description(command),
            epilog=_epilog(command, options),
        )
        for argument in command.arguments:
            one.add_argument(argument.name, help=argument.help, **argument.more)
        if command.commands:
            _add_commands(one, command.commands, required=True)
        else:
            one.set_defaults(command=command)
            _add_options(one, options, hidden=not command.serves)


def _add_options(parser: argparse.ArgumentParser, options: Sequence[Option], *, hidden: bool = False) -> None:
    for option in options:
        if not option.flag:
            continue
        text = f"{option.help} [{option.environment[0]}]".replace("%", "%%")
        more: dict[str, Any] = (
            {"metavar": option.metavar} if option.metavar else {"action": "store_const", "const": "1"}
        )
        parser.add_argument(
            f"--{option.flag}",
            dest=option.setting,
            help=argparse.SUPPRESS if hidden else text,
            # What was given before the command must not be lost to a default behind it.
            default=argparse.SUPPRESS,
            **more,
        )


def _description(command: Command) -> str:
    purpose = f"{command.purpose[0].upper()}{command.purpose[1:]}."
    details = textwrap.fill(command.details, _HELP_WIDTH)
    return f"{purpose}\n\n{details}" if details else purpose


def _epilog(command: Command, options: Sequence[Option]) -> str:
    example = f"Example:\n  mogplex-mcp {command.example}\n\n" if command.example else ""
    more = _environment_help(options) if command.serves else "Options of every command: see mogplex-mcp --help."
    return example + more


def _environment_help(options: Sequence[Option]) -> str:
    text = "Each option can be set by the variable in brackets."
    secret = [f"  {', '.join(option.environment)}\n      {option.help}" for option in options if not option.flag]
    return "\n".join([f"{text} By variable only:", *secret]) if secret else text
