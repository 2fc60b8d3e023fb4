"""What commands for people in a terminal share: what they may use, and how all that can go wrong ends in words."""

import functools
import signal
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from mogplex_mcp.cli.command import Program
from mogplex_mcp.cli.exit_codes import ExitCode, exit_code_of
from mogplex_mcp.cli.terminal import stdin
from mogplex_mcp.cli.terminal.calling import Caller
from mogplex_mcp.cli.terminal.output import Output, prepare_streams
from mogplex_mcp.cli.terminal.refusal import Refusal
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Redactor
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.operations.confirmation import Action

INTERRUPTED: Final = 128 + signal.SIGINT


@dataclass(frozen=True)
class Session:
    """What a command may use.

    Attributes:
        caller: Calls tools.
        output: Writes what was found.
    """

    caller: Caller
    output: Output


Work = Callable[[Session, Namespace], Awaitable[int]]
"""What a command does with what was given to it; returns the exit code."""


def in_terminal(work: Work) -> Program:
    """Make a program of what a command does in a session.

    When the process is told to end, waits end at once, and a call that is going on has some seconds to finish.
    """

    @functools.wraps(work)
    async def program(settings: Settings, given: Namespace) -> int:
        prepare_streams()
        redactor = Redactor([settings.api_key.value])
        agreed = getattr(given, "yes", False)

        async def ask(question: str) -> Action | None:
            return "accept" if agreed else await stdin.ask(question, caller.shutdown)

        try:
            caller = Caller(settings, ask)
        except ValueError as error:
            say(redactor.redact(f"mogplex-mcp: {error}"))
            return ExitCode.USAGE
        code: int = ExitCode.FAILURE
        async with caller.shutdown.instead_of_cancelling():
            try:
                code = await work(Session(caller, Output(as_json=given.json)), given)
            except Refusal as refusal:
                say(redactor.redact(f"mogplex-mcp: {refusal.text}"))
                code = exit_code_of(refusal.code)
            except stdin.Interrupted:
                code = INTERRUPTED
            finally:
                await caller.aclose()
        return code

    return program
