"""Automations: list them, read one."""

from typing import Final

from mogplex_mcp.api.automation_models import AutomationDetail, AutomationPage
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import Argument, InvalidArgumentError, Operation, OperationError, check_id, listed_by

MOST_AUTOMATIONS: Final = 100
"""The longest page of the API (mogplex-api.md, section 2, "Lists")."""


async def list_automations(context: OperationContext, *, limit: int = 50, cursor: str = "") -> AutomationPage:
    """List automations, the newest first.

    Args:
        context: The context of the call.
        limit: 1 to `MOST_AUTOMATIONS`.
        cursor: Where an earlier page ended; empty for the first page.

    Raises:
        InvalidArgumentError: The cursor isn't one of this list.
        OperationError: Mogplex could not follow the cursor.
        MogplexError: Mogplex could not be asked, or refused.
    """
    try:
        return await context.tenant.mogplex.list_automations(limit=limit, cursor=cursor)
    except MogplexError as error:
        if cursor and error.code is ErrorCode.INTERNAL_ERROR:
            raise OperationError(
                ErrorCode.NOT_SUPPORTED,
                "following a ",
                Argument("cursor"),
                " of this list fails on Mogplex's side, and was seen to fail each time; leave ",
                Argument("cursor"),
                " out and set ",
                Argument("limit"),
                f" to {MOST_AUTOMATIONS}, which is all that can be listed",
            ) from error
        if cursor and error.code is ErrorCode.BAD_REQUEST:
            raise InvalidArgumentError(
                "the ", Argument("cursor"), " isn't one that ", Operation("list_automations"), " gave out; leave it out"
            ) from error
        raise


async def get_automation(context: OperationContext, *, automation_id: str) -> AutomationDetail:
    """Read an automation with its graphs.

    Args:
        context: The context of the call.
        automation_id: The automation.

    Raises:
        InvalidArgumentError: The id isn't one.
        MogplexError: Mogplex could not be asked, or does not know the automation.
    """
    with listed_by(Operation("list_automations")):
        return await context.tenant.mogplex.get_automation(check_id(automation_id, "automation_id"))
