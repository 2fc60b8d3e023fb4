"""The command line. It says what there is and starts it; what a command needs is imported when it runs."""

import argparse
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NoReturn

from mogplex_mcp import __version__
from mogplex_mcp.redaction import Redactor, install
from mogplex_mcp.settings import OPTIONS, Option, Settings, SettingsError
from mogplex_mcp.streams import STDOUT, fill_closed, say

USAGE_ERROR: Final = 64

_DESCRIPTION: Final = """\
MCP server for Mogplex: lets an AI agent start coding-agent runs on your GitHub repositories and follow them to their
pull request. Without a command it serves MCP on stdin and stdout; that is what clients' configurations start.
"""
_COMMANDS: Final = {
    "http": "serve MCP over Streamable HTTP at /mcp; every caller brings its own token",
    "demo": "show the main job in a minute, on a simulated Mogplex: no account needed",
    "simulator": "serve a simulated Mogplex API on a port, for trying clients and programs",
}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code (64 for a wrong command line)."""
    closed = fill_closed()
    parser = build_parser()
    given = parser.parse_args(arguments)
    try:
        settings = Settings.load(flags={name: value for name, value in vars(given).items() if value is not None})
    except SettingsError as error:
        parser.exit(USAGE_ERROR, Redactor().redact(f"mogplex-mcp: {error}\n"))
    install(settings.log_level, _redactor(settings))
    if given.command is None and STDOUT in closed:
        say("mogplex-mcp: stdout is closed, so there is no client to serve.")
        sys.exit(1)
    commands = {"http": _http, "demo": _demo, "simulator": _simulator}
    sys.exit(commands.get(given.command, _stdio)(settings))


class _Parser(argparse.ArgumentParser):
    def __init__(self, prog: str | None = None, **more: Any) -> None:
        # Whoever writes --api-key by mistake must not have given a file of that name.
        super().__init__(prog, allow_abbrev=False, **more)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, Redactor().redact(f"{self.prog}: {message}\nSee {self.prog} --help.\n"))


def build_parser() -> argparse.ArgumentParser:
    """The parser; every option of the settings that may stand in a command line is in it."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    _add_options(common, [option for option in OPTIONS if not option.commands])
    parser = _Parser(
        "mogplex-mcp",
        description=_DESCRIPTION,
        epilog=_environment_help(),
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mogplex-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    for name, purpose in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            epilog=_environment_help(),
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
        )
        _add_options(command, [option for option in OPTIONS if name in option.commands])
    return parser


def _add_options(parser: argparse.ArgumentParser, options: Sequence[Option]) -> None:
    for option in options:
        if not option.flag:
            continue
        text = f"{option.help} [{option.environment[0]}]"
        more: dict[str, Any] = (
            {"metavar": option.metavar} if option.metavar else {"action": "store_const", "const": "1"}
        )
        parser.add_argument(f"--{option.flag}", dest=option.setting, help=text.replace("%", "%%"), **more)


def _environment_help() -> str:
    secret = [f"  {', '.join(option.environment)}\n      {option.help}" for option in OPTIONS if not option.flag]
    return "Each option can be set by the variable in brackets. By variable only:\n" + "\n".join(secret)


def _stdio(settings: Settings) -> int:
    if sys.stdin.isatty():
        say(
            "mogplex-mcp waits for an MCP client on stdin; clients start it themselves. "
            "Try `mogplex-mcp demo`, see `mogplex-mcp --help`; Ctrl-C ends."
        )

    async def serve() -> None:
        from mogplex_mcp.app import create_server  # noqa: PLC0415 - see the module's docstring
        from mogplex_mcp.stdio import serve_stdio  # noqa: PLC0415 - the same

        await serve_stdio(create_server(settings))

    return _run(serve, settings)


def _http(settings: Settings) -> int:
    async def serve() -> None:
        from mogplex_mcp.http.serving import serve_http  # noqa: PLC0415 - see the module's docstring

        await serve_http(settings)

    return _run(serve, settings)


def _demo(settings: Settings) -> int:
    async def show() -> None:
        from mogplex_mcp.demo import show_demo  # noqa: PLC0415 - see the module's docstring

        await show_demo(settings)

    return _run(show, settings)


def _simulator(settings: Settings) -> int:
    async def serve() -> None:
        from mogplex_mcp.simulator.program import serve_simulator  # noqa: PLC0415 - see the module's docstring

        await serve_simulator(settings.host, settings.port, settings.demo_seconds)

    return _run(serve, settings)


def _redactor(settings: Settings) -> Redactor:
    return Redactor([settings.api_key.value, settings.client_key.value])


def _run(program: Callable[[], Awaitable[None]], settings: Settings) -> int:
    """Run a program until it ends or a signal comes; the exit code."""
    import anyio  # noqa: PLC0415 - see the module's docstring

    code = 0

    async def until_signal() -> None:
        nonlocal code
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                nonlocal code
                with anyio.open_signal_receiver(*_ending_signals()) as signals:
                    async for number in signals:
                        code = 128 + number
                        tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            await program()
            tasks.cancel_scope.cancel()

    try:
        anyio.run(until_signal)
    except KeyboardInterrupt:
        # Before the loop listened, or when it did so no more.
        code = 128 + signal.SIGINT
    except Exception as error:
        for leaf in _leaves(error):
            said = _redactor(settings).redact(str(leaf) or type(leaf).__name__)
            say(f"mogplex-mcp: {said}")
        logging.getLogger(__name__).debug("What failed:", exc_info=True)
        code = 1
    return code


def _ending_signals() -> list[signal.Signals]:
    ending = [signal.SIGINT, signal.SIGTERM]
    # Ignored where `nohup` started this, and then it has to stay so.
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    return ending


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
