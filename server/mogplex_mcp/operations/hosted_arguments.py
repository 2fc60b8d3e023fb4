"""Check the arguments of a hosted tool against its schema, before two units of the minute's budget are spent."""

from collections.abc import Mapping
from typing import Any, Final

from mogplex_mcp.api.hosted import HostedTool
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.operations.errors import InvalidArgumentError

_MOST_FAULTS: Final = 4
_FAULT_CHARACTERS: Final = 300


def check_hosted(tool: HostedTool, arguments: Mapping[str, Any]) -> None:
    """Refuse what the hosted tool would refuse, with the place of each fault.

    Raises:
        InvalidArgumentError: The arguments do not fit, or the schema is none that can be checked.
    """
    # Slow to import, and needed by this tool alone. The library has no types.
    import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415 - see above
    import referencing  # noqa: PLC0415 - see above
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - see above

    schema = _strict(tool.input_schema)
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        # An empty registry: a schema of others must not make this program fetch an address.
        checker = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
        faults = sorted(checker.iter_errors(dict(arguments)), key=lambda fault: list(map(str, fault.absolute_path)))
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
            quoted=f"{'; '.join(listed[:_MOST_FAULTS])}. The tool takes: {names}",
        )


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with unknown arguments refused, as Mogplex does (mogplex-api.md, section 1)."""
    return {"type": "object", "additionalProperties": False, **schema}


def _place(path: Any) -> str:
    return "arguments" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
