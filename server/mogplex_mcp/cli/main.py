"""The main function: parse arguments, load settings, run the command until it ends or a signal arrives.

What a command needs is imported when the command runs.
"""

import gc
import logging
import os
import signal
import stat
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Final, NoReturn

from mogplex_mcp.cli.command import STDIO, Handler
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.redaction import Redactor, install
from mogplex_mcp.core.standard_streams import STDIN, STDOUT, fill_closed, is_broken_pipe, prepare, say
from mogplex_mcp.startup.listener import listen

# 128 + SIGPIPE, a signal that Windows does not define.
_BROKEN_PIPE: Final = 128 + 13


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its exit status (2 for a usage error)."""
    closed = fill_closed()
    prepare()
    try:
        given = _parse(sys.argv[1:] if arguments is None else arguments)
    except SystemExit as ended:
        # --help, --version, or a usage error.
        sys.exit(_flush_stdout(ended.code if isinstance(ended.code, int) else ExitCode.OK))
    try:
        settings = Settings.load(
            flags={option.setting: getattr(given, option.setting, None) for option in OPTIONS},
            lenient=given.command.is_lenient,
        )
        if given.problem:
            settings = settings.refusing(f"The command line of this server is invalid: {given.problem}.")
    except SettingsError as error:
        say(Redactor().redact(f"mogplex-mcp: {error}"))
        sys.exit(ExitCode.USAGE)
    install(settings.log_level, _redactor(settings))
    if any(old.is_file() for old in (*settings.old_token_files, *settings.old_state_files)):
        from mogplex_mcp.cli.moving import move_old_files  # noqa: PLC0415 - slow to import, and needed once

        move_old_files(settings)
    if given.command is STDIO and STDOUT in closed:
        say("mogplex-mcp: stdout is closed, so there is no client to serve.")
        sys.exit(1)
    if given.command is STDIO:
        listen(settings)
    sys.exit(_flush_stdout(_run(given.command.load(), settings, given)))


def _parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line; clients start the server without arguments, which needs no parser.

    A client shows nothing of a server that exits, so one with an invalid command line is served, and its tools say so.
    """
    if not arguments:
        return Namespace(command=STDIO, problem="")
    from mogplex_mcp.cli.parser import HINTS, build_parser  # noqa: PLC0415 - see above

    parser = build_parser()
    try:
        given: Namespace = parser.parse_args(arguments)
    except SystemExit:
        means_to_serve = arguments[0].startswith("-") or arguments[0] in HINTS
        if parser.problem and means_to_serve and _is_pipe(STDIN) and _is_pipe(STDOUT):
            return Namespace(command=STDIO, problem=parser.problem)
        raise
    given.problem = ""
    return given


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _redactor(settings: Settings) -> Redactor:
    return Redactor([settings.api_key.value, settings.client_key.value])


def _run(handler: Handler, settings: Settings, given: Namespace) -> int:
    """Run a command until it returns or a signal arrives; return the exit status."""
    import anyio  # noqa: PLC0415 - see the module's docstring

    code = 0

    async def run_until_signal() -> None:
        nonlocal code
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                nonlocal code
                # The command has reached its first wait: what is loaded by now stays until the process exits.
                gc.freeze()
                gc.enable()
                try:
                    with anyio.open_signal_receiver(*_shutdown_signals()) as signals:
                        async for number in signals:
                            code = 128 + number
                            break
                except NotImplementedError:
                    # asyncio on Windows has no signal handlers: there, Ctrl-C cancels the main task from outside.
                    return
                # Calls in flight have some seconds to finish; a second signal kills the process at once.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                tasks.cancel_scope.cancel()

            async def run_handler() -> None:
                nonlocal code
                result = await handler(settings, given)
                # A command may return normally after a signal; the signal still decides the exit status.
                code = code or result
                tasks.cancel_scope.cancel()

            # Not in the main task, which Ctrl-C cancels on Windows: that would cut off shielded blocks too.
            tasks.start_soon(run_handler)
            tasks.start_soon(listen)

    _expect_interrupts()
    try:
        anyio.run(run_until_signal)
    except KeyboardInterrupt:
        # Before the signal receiver was installed, or after it was removed.
        code = 128 + signal.SIGINT
    except Exception as error:
        leaves = _leaves(error)
        if all(map(is_broken_pipe, leaves)):
            return _BROKEN_PIPE
        for leaf in leaves:
            message = _redactor(settings).redact(str(leaf) or type(leaf).__name__)
            say(f"mogplex-mcp: {message}")
        logging.getLogger(__name__).debug("The command failed:", exc_info=True)
        code = ExitCode.USAGE if all(isinstance(leaf, SettingsError) for leaf in leaves) else ExitCode.FAILURE
    return code


def _flush_stdout(code: int) -> int:
    """Flush stdout and return the exit status: at exit, Python would print a traceback if that failed."""
    try:
        sys.stdout.flush()
    except OSError as error:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, STDOUT)
        os.close(null)
        if is_broken_pipe(error):
            return code or _BROKEN_PIPE
        if code == ExitCode.OK:
            say(f"mogplex-mcp: stdout cannot be written: {error.strerror}.")
            return ExitCode.FAILURE
    return code


def _expect_interrupts() -> None:
    """Set the handler of Python for Ctrl-C again, see `__main__`: asyncio on Windows, without signals, relies on it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _shutdown_signals() -> list[signal.Signals]:
    signals = [signal.SIGINT, signal.SIGTERM]
    # `nohup` ignores SIGHUP, and then it has to stay ignored.
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    return signals


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
