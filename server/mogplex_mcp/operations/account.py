"""The account: whether the connection to Mogplex works, and the MCP servers that the user connected."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mogplex_mcp.api.budget import Usage
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.models import McpServer
from mogplex_mcp.api.scopes import NONEXISTENT_RUN_ID, detect_scopes
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import OperationError, operation_error
from mogplex_mcp.storage.errors import StateError


class JournalState(Enum):
    """What the journal of starts can be used for."""

    SHARED = auto()  # a file that all processes of this user share
    DATABASE = auto()  # shared by all replicas
    IN_MEMORY = auto()
    READ_ONLY = auto()  # starts are refused
    UNUSABLE = auto()  # starts are refused


@dataclass(frozen=True)
class ConnectionState:
    """The state of the connection.

    Attributes:
        token_kind: What the token is, and until when it is valid; "" without one.
        token_source: Where it was found, or looked for.
        token_warning: What the user should know of that place; else "".
        problem: Why there is no connection; None if there is one.
        scopes: What the token allows: "read", "write"; empty while there is a problem.
        usage: The requests of the last minute.
        journal: What the journal can be used for.
        journal_problem: Why it is unusable; else "".
    """

    token_kind: str
    token_source: str
    token_warning: str
    problem: OperationError | None
    scopes: Sequence[str]
    usage: Usage
    journal: JournalState
    journal_problem: str


async def check_connection(context: OperationContext) -> ConnectionState:
    """Find out whether Mogplex can be used, by two requests that change nothing.

    A connection that does not work is a result, not an error.
    """
    tenant, found = context.tenant, context.tenant.found
    problem: Exception | None = found.problem
    scopes: Sequence[str] = ()
    if problem is None:
        try:
            scopes = await detect_scopes(tenant.mogplex)
        except MogplexError as error:
            problem = error
        # The request may have refreshed it.
        found = await tenant.current_token()
    usage = await tenant.budget.usage()
    journal, journal_problem = await _journal_state(context, usage)
    return ConnectionState(
        token_kind=found.kind_of_token,
        token_source=found.source,
        token_warning=found.warning,
        problem=operation_error(problem) if problem else None,
        scopes=scopes,
        usage=usage,
        journal=journal,
        journal_problem=journal_problem,
    )


async def _journal_state(context: OperationContext, usage: Usage) -> tuple[JournalState, str]:
    try:
        await context.tenant.ledger.find_run(NONEXISTENT_RUN_ID)
    except StateError as error:
        return JournalState.UNUSABLE, str(error)
    if context.settings.database_url:
        return JournalState.READ_ONLY if usage.problem else JournalState.DATABASE, ""
    if context.settings.state_file is None or context.settings.without_journal:
        return JournalState.IN_MEMORY, ""
    # Counting requests writes to the same file.
    return JournalState.READ_ONLY if usage.problem else JournalState.SHARED, ""


async def list_mcp_servers(context: OperationContext) -> Sequence[McpServer]:
    """List the MCP servers that Mogplex's agents can use, without the secrets of their configuration.

    Raises:
        MogplexError: Mogplex could not be asked, or refused.
    """
    return await context.tenant.mogplex.list_mcp_servers()
