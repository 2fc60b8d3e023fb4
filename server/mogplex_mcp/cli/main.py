"""The command line. It finds out what is wanted and runs it; what a command needs is imported when it runs."""

import gc
import logging
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Final, NoReturn

from mogplex_mcp.cli.command import STDIO, Program
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.redaction import Redactor, install
from mogplex_mcp.core.standard_streams import STDOUT, fill_closed, say

# The number of SIGPIPE, which Windows has no name for.
_BROKEN_PIPE: Final = 128 + 13


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code (2 for a wrong command line)."""
    closed = fill_closed()
    given = _read(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = Settings.load(flags={option.setting: getattr(given, option.setting, None) for option in OPTIONS})
    except SettingsError as error:
        say(Redactor().redact(f"mogplex-mcp: {error}"))
        sys.exit(ExitCode.USAGE)
    install(settings.log_level, _redactor(settings))
    if given.command is STDIO and STDOUT in closed:
        say("mogplex-mcp: stdout is closed, so there is no client to serve.")
        sys.exit(1)
    sys.exit(_written(_run(given.command.load(), settings, given)))


def _read(words: Sequence[str]) -> Namespace:
    """What the command line says; clients start this without a word, and then nothing needs to be loaded for it."""
    if not words:
        return Namespace(command=STDIO)
    from mogplex_mcp.cli.parser import build_parser  # noqa: PLC0415 - see above

    return build_parser().parse_args(words)


def _redactor(settings: Settings) -> Redactor:
    return Redactor([settings.api_key.value, settings.client_key.value])


def _run(program: Program, settings: Settings, given: Namespace) -> int:
    """Run a program until it ends or a signal comes; the exit code."""
    import anyio  # noqa: PLC0415 - see the module's docstring

    code = 0

    async def until_signal() -> None:
        nonlocal code
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                nonlocal code
                # The program waits for the first time. All that it has loaded stays, and is no garbage ever.
                gc.freeze()
                gc.enable()
                try:
                    with anyio.open_signal_receiver(*_ending_signals()) as signals:
                        async for number in signals:
                            code = 128 + number
                            break
                except NotImplementedError:
                    # asyncio on Windows has no such thing. There, Ctrl-C cancels all this from outside.
                    return
                # Calls that are going on may have some seconds from here; a second signal ends them without a word.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                tasks.cancel_scope.cancel()

            async def work() -> None:
                nonlocal code
                result = await program(settings, given)
                # A program may well come to its end although a signal told it to end.
                code = code or result
                tasks.cancel_scope.cancel()

            # Not in the task that Ctrl-C cancels where nobody listens: what is shielded is cut off in that one.
            tasks.start_soon(work)
            tasks.start_soon(listen)

    try:
        anyio.run(until_signal)
    except KeyboardInterrupt:
        # Before the loop listened, or when it did so no more.
        code = 128 + signal.SIGINT
    except Exception as error:
        leaves = _leaves(error)
        if all(isinstance(leaf, BrokenPipeError) for leaf in leaves):
            return _BROKEN_PIPE
        for leaf in leaves:
            said = _redactor(settings).redact(str(leaf) or type(leaf).__name__)
            say(f"mogplex-mcp: {said}")
        logging.getLogger(__name__).debug("What failed:", exc_info=True)
        code = ExitCode.USAGE if all(isinstance(leaf, SettingsError) for leaf in leaves) else ExitCode.FAILURE
    return code


def _written(code: int) -> int:
    """The exit code when all is written: of what cannot be, Python itself would tell at the end as of a crash."""
    try:
        sys.stdout.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDOUT)
        os.close(nowhere)
        if code == ExitCode.OK:
            say(f"mogplex-mcp: stdout cannot be written: {error.strerror}.")
            return ExitCode.FAILURE
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
