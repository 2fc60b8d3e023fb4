"""Tools of Mogplex's hosted endpoint, such as those that ship after this release: list them, call them.

A hosted tool that has an equivalent here is not called: that would bypass exclusion, read-only mode, confirmation and
exactly-once.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.hosted import HostedResult, HostedTool
from mogplex_mcp.core.cleaning import clean_line, is_plain
from mogplex_mcp.core.nearest import did_you_mean
from mogplex_mcp.operations.confirmation import quote, without_secrets
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import InvalidArgumentError, Operation, OperationError, listed_by, not_repeatable

_MOST_FAULTS: Final = 4
_FAULT_CHARACTERS: Final = 300
_NAME_CHARACTERS: Final = 80


async def list_hosted_tools(context: OperationContext) -> Mapping[str, HostedTool]:
    """List the hosted tools, by name; the list is at most five minutes old.

    Raises:
        MogplexError: Mogplex could not be asked, or refused.
    """
    return await context.tenant.hosted.listed()


def only_reads(tool: HostedTool) -> bool:
    """Return whether a hosted tool is marked as one that only reads, and nothing else in its hints denies that.

    Without a hint, the worst is assumed (MCP specification, "Tool annotations").
    """
    return tool.read_only is True and (tool.destructive is None or tool.destructive is False)


async def get_hosted_tool(context: OperationContext, *, name: str) -> HostedTool:
    """Look up one hosted tool.

    Args:
        context: The context of the call.
        name: Its name.

    Raises:
        InvalidArgumentError: There is no such tool.
        MogplexError: Mogplex could not be asked, or refused.
    """
    listed = await context.tenant.hosted.listed()
    if name in listed:
        return listed[name]
    wanted = f'Mogplex has no hosted tool "{clean_line(name, 60)}"; '
    if near := did_you_mean(name, list(filter(is_plain, listed))):
        raise InvalidArgumentError(f"{wanted}{near}")
    raise InvalidArgumentError(wanted, Operation("list_hosted_tools"), " has the names")


async def call_hosted_tool(
    context: OperationContext,
    *,
    name: str,
    arguments: Mapping[str, Any],
    equivalents: Mapping[str, str],
    absence: Callable[[str], str],
) -> HostedResult:
    """Call a hosted tool, after the user has confirmed it unless it only reads.

    Args:
        context: The context of the call.
        name: The name of the tool.
        arguments: Its arguments, which are checked against its schema.
        equivalents: The operation to use instead, by the name of the hosted tool.
        absence: Returns why an operation is not offered, as the end of a sentence; "" if it is.

    Raises:
        InvalidArgumentError: There is an equivalent, or no such tool, or the arguments do not fit.
        ConsentNeeded: The user has not confirmed it.
        OperationError: `CONFLICT`; the tool is gone or has changed since it was listed.
        MogplexError: Mogplex could not be asked, or refused.
    """
    if equivalent := equivalents.get(name):
        absent = absence(equivalent)
        excluded = f", which this server does not offer{absent}" if absent else ""
        raise InvalidArgumentError(
            f"{name} is ",
            Operation(equivalent),
            f" here{excluded}; hosted tools with an equivalent here are not called this way",
        )
    tool = await get_hosted_tool(context, name=name)
    check_hosted(tool, arguments)
    writes = not only_reads(tool)
    if writes:
        if context.settings.read_only:
            raise InvalidArgumentError(
                f"{clean_line(name, _NAME_CHARACTERS)} may write, and this server is read-only by its user's choice"
            )
        context.tenant.scopes.check_write()
        context.consent.require(_question(name, arguments))
    try:
        with _worded(tool):
            return await context.tenant.hosted.endpoint.call_tool(name, arguments, timeout=context.request_seconds)
    except MogplexError as error:
        if writes and error.code is ErrorCode.FORBIDDEN:
            context.tenant.scopes.refused(error)
        if error.code in (ErrorCode.BAD_REQUEST, ErrorCode.NOT_SUPPORTED):
            await _check_unchanged(context, tool, error)
        raise


def check_hosted(tool: HostedTool, arguments: Mapping[str, Any]) -> None:
    """Refuse what the hosted tool would refuse, with the place of each fault.

    Raises:
        InvalidArgumentError: The arguments do not fit, or the schema is none that can be checked.
    """
    # Slow to import, and needed by this tool alone.
    import jsonschema  # noqa: PLC0415 - see above
    import referencing  # noqa: PLC0415 - see above
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - see above

    schema = _strict(tool.input_schema)
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        # An empty registry: a schema of others must not make this program fetch an address.
        checker = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
        faults = list(islice(checker.iter_errors(dict(arguments)), _MOST_FAULTS))
    except (jsonschema.SchemaError, Unresolvable, RecursionError) as error:
        raise InvalidArgumentError(
            f"Mogplex gives an argument schema for this tool that cannot be used ({type(error).__name__}), so it is"
            " not called"
        ) from None
    if faults:
        listed = [f"{_place(fault.absolute_path)}: {clean_line(fault.message, _FAULT_CHARACTERS)}" for fault in faults]
        names = ", ".join(clean_line(str(name), 40) for name in schema.get("properties", {})) or "none"
        raise InvalidArgumentError(
            "the arguments do not fit the hosted tool's own schema; the faults are quoted below",
            quoted=f"{'; '.join(listed)}. The tool takes: {names}",
        )


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with unknown arguments refused, as Mogplex does (mogplex-api.md, section 1)."""
    return {"type": "object", "additionalProperties": False, **schema}


def _place(path: Any) -> str:
    return "arguments" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


@contextmanager
def _worded(tool: HostedTool) -> Iterator[None]:
    """Say what a failure leaves open: nothing if the tool only reads."""
    shown = Operation("list_hosted_tools", {"name": clean_line(tool.name, _NAME_CHARACTERS)})
    with listed_by(shown):
        if not only_reads(tool):
            with not_repeatable("The Mogplex web page shows whether it took effect."):
                yield
            return
        try:
            yield
        except MogplexError as error:
            error.may_have_happened = False
            raise


async def _check_unchanged(context: OperationContext, tool: HostedTool, error: MogplexError) -> None:
    """Raise what explains the error better, if the tool has changed since it was listed."""
    name = clean_line(tool.name, _NAME_CHARACTERS)
    now = (await context.tenant.hosted.listed(anew=True)).get(tool.name)
    if now is None:
        reason = f"Mogplex no longer has the tool {name}; nothing was done"
        advice = (Operation("list_hosted_tools"), " has those that there are now.")
    elif now.input_schema != tool.input_schema:
        reason = f"Mogplex changed the arguments of {name} since they were looked up; nothing was done"
        advice = (Operation("list_hosted_tools", {"name": name}), " shows them as they are now.")
    else:
        return
    raise OperationError(
        ErrorCode.CONFLICT, reason, advice=advice, may_have_happened=error.may_have_happened
    ) from error


def _question(name: str, arguments: Mapping[str, Any]) -> str:
    text = json.dumps(without_secrets(arguments), ensure_ascii=False, indent=1)
    return (
        f"Call the tool {quote(name)} of Mogplex, which may change or remove things for good, with these arguments?\n"
        f"{text}"
    )
