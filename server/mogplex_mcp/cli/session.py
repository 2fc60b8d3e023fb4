"""The session of a terminal command: perform operations, ask for consent, report errors."""

import functools
import signal
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, TypeVar

import anyio

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.api.identifiers import id_in_page
from mogplex_mcp.api.unreadable import collect_unreadable, unreadable_notes
from mogplex_mcp.cli.command import Handler
from mogplex_mcp.cli.exit_codes import ExitCode, exit_code_of
from mogplex_mcp.cli.terminal.input import Interrupted, ask_consent
from mogplex_mcp.cli.terminal.messages import OPERATION_COMMANDS, CommandError, as_commands, command_error
from mogplex_mcp.cli.terminal.output import Output
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Redactor, find_key
from mogplex_mcp.core.shutdown import CALL_SECONDS, Shutdown
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.operations.confirmation import Consent, ConsentNeeded
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import Argument, Operation, OperationError, Speller, first_error, operation_error
from mogplex_mcp.tenants.services import Services
from mogplex_mcp.tenants.tenant import Tenant

INTERRUPTED: Final = 128 + signal.SIGINT
_MAX_QUESTIONS: Final = 3
_ID_ARGUMENTS: Final = frozenset({"run", "sandbox", "automation", "repo"})

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """The resources of one command.

    Attributes:
        settings: The user's settings.
        services: The services of this process.
        output: Where results are written.
        assume_yes: Whether to consent to every change without asking (--yes).
    """

    settings: Settings
    services: Services
    output: Output
    assume_yes: bool = False

    @property
    def shutdown(self) -> Shutdown:
        """Return the shutdown of this process."""
        return self.services.shutdown

    @cached_property
    def tenant(self) -> Tenant:
        """Return the tenant of the user's token."""
        return self.services.tenants.of(self.services.own_token())

    @property
    def now(self) -> datetime:
        """Return the current time at Mogplex, against which what it dates is measured."""
        return datetime.fromtimestamp(self.tenant.clock.now(), UTC)

    @property
    def web_url(self) -> str:
        """Return the address of Mogplex's web pages."""
        return web_url(self.settings.base_url)

    def command(self, words: str) -> str:
        """Return a command line to run next; one of a demo stays in the demo."""
        return f"mogplex-mcp {words}{' --demo' if self.settings.demo else ''}"

    async def perform(
        self,
        name: str,
        operation: Callable[[OperationContext], Awaitable[T]],
        *,
        changes: bool = False,
        repeatable: bool = True,
        needs_token: bool = True,
        speller: Speller = as_commands,
    ) -> T:
        """Perform an operation, and ask the user where it needs consent.

        Args:
            name: The name of the operation, as `--exclude-tools` has it.
            operation: The operation, called with its context.
            changes: Whether it changes anything on Mogplex.
            repeatable: Whether it is idempotent.
            needs_token: Whether it needs a token.
            speller: Spells arguments and operations in errors.

        Raises:
            CommandError: It failed, or the user did not agree.
            OSError: What it shows meanwhile cannot be written; in an `ExceptionGroup`, if it came from a task.
        """
        self.check_allowed(name, changes=changes)
        agreed = self.settings.allow_destructive or self.assume_yes
        consent = Consent(lambda _: "accept" if agreed else None)
        for _ in range(_MAX_QUESTIONS):
            try:
                self._check_token(needs_token=needs_token, changes=changes)
                return await self._once(operation, consent, changes=changes)
            except ConsentNeeded:
                consent = await self._ask(consent.question)
            except Interrupted:
                raise
            except Exception as error:
                if isinstance(first_error(error), OSError):
                    raise  # stdout cannot be written: what fails on the network or in the journal has errors of its own
                raise command_error(
                    operation_error(error),
                    base_url=self.settings.base_url,
                    repeatable=repeatable,
                    speller=_in_demo(speller) if self.settings.demo else speller,
                    token_from=self.services.own_token().kind,
                ) from error
        raise CommandError(
            "Nothing was done: the state changed after you were asked.",
            "Someone else changed it in the meantime.",
            "Look at the current state, then run the command again.",
            "changed_meanwhile",
        )

    def refuse_secrets(self, **texts: str | None) -> None:
        """Refuse texts that contain a secret: agents, logs and pull requests would show it.

        Raises:
            CommandError: One of them seems to contain a secret; the message names its kind only.
        """
        if self.settings.allow_secrets_in_prompts:
            return
        own = self.services.own_token().token
        for name, text in texts.items():
            if text and (kind := find_key(text, own.value if own else "")):
                raise CommandError.usage(
                    f"{name} contains what looks like {kind}; agents, logs and pull requests would show it to others.",
                    "Remove it, and store it in the environment variables of the repository if the agent needs it. "
                    "To send it anyway, add --allow-secrets-in-prompts.",
                )

    async def _once(
        self,
        operation: Callable[[OperationContext], Awaitable[T]],
        consent: Consent,
        *,
        changes: bool,
    ) -> T:
        context = OperationContext(
            tenant=self.tenant,
            settings=self.settings,
            arrived=anyio.current_time(),
            clock=self.services.store.now,
            consent=consent,
            shutdown=self.shutdown,
        )
        with self.shutdown.within(CALL_SECONDS), collect_unreadable() as unreadable:
            result = await operation(context)
            for note in unreadable_notes(unreadable):
                say(note)
            return result
        raise OperationError(
            ErrorCode.SHUTTING_DOWN,
            f"the operation had not finished {CALL_SECONDS:g} seconds after the signal",
            may_have_happened=changes,
        )

    def _check_token(self, *, needs_token: bool, changes: bool) -> None:
        if needs_token and (problem := self.tenant.found.problem):
            raise problem
        if changes:
            self.tenant.scopes.check_write()

    def check_allowed(self, name: str, *, changes: bool = False) -> None:
        """Refuse an operation that the settings exclude.

        Raises:
            CommandError: It is excluded, or it changes something in read-only mode.
        """
        command = OPERATION_COMMANDS.get(name, f"call {name}")
        if name in self.settings.exclude_tools:
            raise CommandError(
                "Nothing was done.", f"`{command}` is excluded.", "Remove it from --exclude-tools.", "unknown_tool"
            )
        if changes and self.settings.read_only:
            raise CommandError(
                "Nothing was done.",
                f"`{command}` makes changes, and --read-only is set.",
                "Run it without --read-only.",
                "unknown_tool",
            )

    async def _ask(self, question: str) -> Consent:
        """Ask the user, and return consent to exactly this question.

        Raises:
            CommandError: The user did not agree, or cannot be asked.
        """
        action = await ask_consent(question, self.shutdown)
        if action is None:
            raise CommandError(
                "Nothing was done: this needs your confirmation.",
                "This isn't a terminal, so the question cannot be asked:",
                "Run it in a terminal, or add --yes to confirm.",
                "consent_needed",
                question,
            )
        if action != "accept":
            raise CommandError("Nothing was done: you did not agree.", "", "", "declined")
        return Consent(lambda asked: "accept" if asked == question else None)


SessionHandler = Callable[[Session, Namespace], Awaitable[int]]
"""Run a command in a session with its parsed arguments; return the exit status."""


def in_terminal(handler: SessionHandler) -> Handler:
    """Return a command's handler that opens a session and prints the error that ends it.

    At shutdown, waits end at once, and a call in flight has some seconds to finish.
    """

    @functools.wraps(handler)
    async def wrapper(settings: Settings, given: Namespace) -> int:
        redactor = Redactor([settings.api_key.value])
        try:
            _check_names(settings)
        except ValueError as error:
            say(redactor.redact(f"mogplex-mcp: {error}"))
            return ExitCode.USAGE
        for name in _ID_ARGUMENTS & vars(given).keys():
            if text := getattr(given, name):
                setattr(given, name, id_in_page(text, settings.base_url, name))
        services = Services(settings)
        session = Session(settings, services, Output(as_json=given.json), assume_yes=getattr(given, "yes", False))
        code: int = ExitCode.FAILURE
        async with services.shutdown.instead_of_cancelling():
            try:
                code = await handler(session, given)
            except CommandError as error:
                say(redactor.redact(f"mogplex-mcp: {error.text}"))
                code = exit_code_of(error.code)
            except Interrupted:
                code = INTERRUPTED
            finally:
                await services.aclose()
        return code

    return wrapper


def _in_demo(speller: Speller) -> Speller:
    """Return a speller whose commands stay in the demo."""

    def spell(piece: Argument | Operation) -> str:
        text = speller(piece)
        return f"{text.removesuffix('`')} --demo`" if isinstance(piece, Operation) else text

    return spell


def _check_names(settings: Settings) -> None:
    """Check that excluded tools exist.

    Raises:
        SettingsError: One doesn't; the message names the nearest.
    """
    if settings.exclude_tools:
        from mogplex_mcp.toolkit.tool_selection import select  # noqa: PLC0415 - imports the MCP SDK, which is slow
        from mogplex_mcp.tools.catalog import TOOLSETS  # noqa: PLC0415 - the same

        select(TOOLSETS, wanted_toolsets=["all"], excluded_tools=settings.exclude_tools)
