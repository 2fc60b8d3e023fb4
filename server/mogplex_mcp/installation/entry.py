"""The entry of this server in one client's configuration, and reading such entries back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.installation.clients import Client
from mogplex_mcp.installation.document import FORMATS
from mogplex_mcp.installation.launch import Launch, options_in


@dataclass(frozen=True)
class Started:
    """What a client starts for an entry.

    Attributes:
        command: As it stands there.
        args: What it is given.
        environment: Variables that it is given; the values can be tokens.
        options: The options of this server among the arguments; None if it starts another server.
        is_off: Whether the entry is switched off.
    """

    command: str
    args: tuple[str, ...] = ()
    environment: Mapping[str, Secret] = field(default_factory=dict)
    options: tuple[str, ...] | None = None
    is_off: bool = False


def entry_for(client: Client, launch: Launch) -> dict[str, Any]:
    """The fields of an entry, in the order in which they are written. There is no token among them."""
    args = [*launch.args, *launch.options]
    start: dict[str, Any] = (
        {"command": [launch.command, *args]} if client.one_list else {"command": launch.command, "args": args}
    )
    return {**client.before, **start, **client.after}


def snippet_for(client: Client, launch: Launch, name: str) -> str:
    """What would have to be in an empty configuration, as text that ends with a line end."""
    value: Any = {name: entry_for(client, launch)}
    for step in reversed(client.entries):
        value = {step: value}
    return FORMATS[client.kind].render(value).rstrip("\n") + "\n"


def started_by(client: Client, entry: Any) -> Started:
    """What an entry starts, whatever else it may be: one without a command starts nothing here."""
    if not isinstance(entry, dict):
        return Started("")
    command = entry.get("command")
    words = command if isinstance(command, list) else [command, *_list(entry.get("args"))]
    texts = [str(word) for word in words if isinstance(word, str | int | float)]
    if not texts:
        return Started("")
    variables = entry.get(client.variables)
    values = variables if isinstance(variables, dict) else {}
    return Started(
        texts[0],
        tuple(texts[1:]),
        {str(name): Secret(str(value)) for name, value in values.items()},
        options_in(texts[0], texts[1:]),
        entry.get("disabled") is True or entry.get("enabled") is False,
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
