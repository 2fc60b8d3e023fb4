"""The argument parser, made from the tables of options and commands."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from mogplex_mcp import __version__
from mogplex_mcp.cli.catalog import COMMANDS
from mogplex_mcp.cli.command import STDIO, Command
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.help import HelpFormatter, grouped, option_groups
from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.core.nearest import similar, suggestion
from mogplex_mcp.core.redaction import Redactor

_LONGEST_SHOWN: Final = 60
_LONGEST_PROBLEM: Final = 300

_DESCRIPTION: Final = (
    "MCP server for Mogplex: lets an AI agent start coding-agent runs on your GitHub repositories and follow them to "
    "their pull request. Without a command it serves MCP on stdin and stdout; that is what clients' "
    "configurations start."
)

# Names that other servers give to what this one does without a command.
_SERVE_HINT: Final = "without a command it serves MCP on stdin and stdout; `mogplex-mcp http` serves it over HTTP"
HINTS: Final[Mapping[str, str]] = {"serve": _SERVE_HINT, "server": _SERVE_HINT, "stdio": _SERVE_HINT}
_FLAG_HINTS: Final[Mapping[str, str]] = {
    "help": "`mogplex-mcp --help` lists the commands, `mogplex-mcp COMMAND --help` explains one",
    "version": "`mogplex-mcp --version` prints it",
}
_SWITCHES: Final = {f"--{option.flag}": option.setting for option in OPTIONS if option.flag and not option.metavar}


class Parser(argparse.ArgumentParser):
    """A parser that redacts secrets in its errors, suggests the nearest choices, and exits with `ExitCode.USAGE`.

    Attributes:
        problem: What is wrong with a command line that names no command; "" for nothing.
    """

    def __init__(self, prog: str | None = None, **kwargs: Any) -> None:
        # With abbreviations, a mistaken --api-key TOKEN would be read as --api-key-file.
        super().__init__(prog, allow_abbrev=False, formatter_class=HelpFormatter, **kwargs)
        self._is_intermixed = False
        self.problem = ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse options also between the values of one positional argument: `call list_repos --json limit=2`."""
        has_optional = any(action.nargs in ("?", "*") for action in self._actions)
        if self._is_intermixed or self._subparsers or not has_optional:
            return super().parse_known_args(args, namespace)
        self._is_intermixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixed = False

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments; an unknown option is an error with the nearest ones.

        A switch may have a value, as in `--read-only=false`: some hosts write it so, or with a placeholder.
        """
        words, values = [], {}
        for word in sys.argv[1:] if args is None else args:
            name, _, value = word.partition("=")
            if value and name in _SWITCHES:
                values[_SWITCHES[name]] = value
            words.append(name if value and name in _SWITCHES else word)
        given, unknown = self.parse_known_args(words, namespace)
        for setting in values.keys() & vars(given).keys():
            setattr(given, setting, values[setting])
        if unknown:
            parser = _parser_of(given.command, self) or self
            options = [word.partition("=")[0] for word in unknown if word.startswith("--")]
            known = [name for action in parser._actions for name in action.option_strings if name.startswith("--")]  # noqa: SLF001 - argparse offers no other way
            # What all options begin with makes no two of them alike.
            near = [f"--{one}" for word in options[:1] for one in similar(word[2:], [name[2:] for name in known])]
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
            problem = f"unrecognized arguments: {' '.join(unknown)}{hint}"
            if given.command is STDIO:
                self.error(problem)
            self.exit(ExitCode.USAGE, parser.usage_error(problem))
        return given

    def error(self, message: str) -> NoReturn:
        """Exit with a usage error, and keep it as `problem`."""
        self.problem = Redactor().redact(message)[:_LONGEST_PROBLEM]
        self.exit(ExitCode.USAGE, self.usage_error(message))

    def usage_error(self, message: str) -> str:
        """Return the text of a usage error."""
        return Redactor().redact(f"{self.prog}: {message}\nSee {self.prog} --help.\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise an error with the nearest choices, as `suggest_on_error` of Python 3.14 does."""
        if action.choices is None or value in action.choices:
            return
        near = suggestion(str(value), list(map(str, action.choices)))
        hint = HINTS.get(value) or _FLAG_HINTS.get(value, near)
        raise argparse.ArgumentError(action, f"invalid choice: {str(value)[:_LONGEST_SHOWN]!r} ({hint})")


def _parser_of(command: Command, parser: Parser) -> Parser | None:
    """Return the parser of a command, which is this one or below it."""
    if parser.get_default("command") is command:
        return parser
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for one in action.choices.values():
                if found := _parser_of(command, one):
                    return found
    return None


def build_parser() -> Parser:
    """Return the parser.

    Its result has the command as `command`, and the texts of options under the names of their settings.
    """
    parser = Parser(
        "mogplex-mcp",
        usage="%(prog)s [option ...] [command ...]",
        description=_DESCRIPTION,
        epilog=_environment_help(OPTIONS),
    )
    parser.set_defaults(command=STDIO)
    parser.add_argument("--version", action="version", version=f"mogplex-mcp {__version__}")
    top = parser.add_subparsers(
        title="commands", description=grouped(COMMANDS), prog=parser.prog, help=argparse.SUPPRESS, metavar="command"
    )
    _add_commands(top, COMMANDS)
    _add_option_groups(parser, [option for option in OPTIONS if STDIO.accepts(option)])
    return parser


def _add_commands(subparsers: "argparse._SubParsersAction[Parser]", commands: Sequence[Command]) -> None:
    for command in commands:
        options = [option for option in OPTIONS if command.accepts(option)]
        subparser = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=_description(command),
            epilog=_epilog(command, options),
        )
        for argument in command.arguments:
            subparser.add_argument(argument.name, help=argument.help, **argument.kwargs)
        if command.commands:
            _add_commands(
                subparser.add_subparsers(metavar="command", title="commands", required=True), command.commands
            )
            continue
        subparser.set_defaults(command=command)
        if command.serves and not command.settings:
            subparser.usage = "%(prog)s [option ...]"
            _add_option_groups(subparser, options)
        else:
            _add_options(subparser, options, hidden=not command.serves)


def _add_option_groups(parser: argparse.ArgumentParser, options: Sequence[Option]) -> None:
    for title, members in option_groups(options):
        _add_options(parser.add_argument_group(title), members)


def _add_options(
    parser: "argparse.ArgumentParser | argparse._ArgumentGroup", options: Sequence[Option], *, hidden: bool = False
) -> None:
    for option in options:
        if not option.flag:
            continue
        text = f"{option.help} [{option.environment[0]}]".replace("%", "%%")
        kwargs: dict[str, Any] = (
            {"metavar": option.metavar} if option.metavar else {"action": "store_const", "const": "1"}
        )
        parser.add_argument(
            f"--{option.flag}",
            dest=option.setting,
            help=argparse.SUPPRESS if hidden else text,
            # A default of the subparser would overwrite an option given before the command.
            default=argparse.SUPPRESS,
            **kwargs,
        )


def _description(command: Command) -> str:
    summary = f"{command.summary[0].upper()}{command.summary[1:]}."
    return f"{summary}\n\n{command.details}" if command.details else summary


def _epilog(command: Command, options: Sequence[Option]) -> str:
    example = f"Example:\n  mogplex-mcp {command.example}\n\n" if command.example else ""
    settings = _environment_help(options) if command.serves else "Options of every command: see mogplex-mcp --help."
    return example + settings


def _environment_help(options: Sequence[Option]) -> str:
    text = "Each option can be set by the environment variable in brackets."
    secret = [f"  {', '.join(option.environment)}\n      {option.help}" for option in options if not option.flag]
    return "\n".join([f"{text} By variable only:", *secret]) if secret else text
