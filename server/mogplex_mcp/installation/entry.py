"""The entry of this server in a client's configuration: make it, and parse existing ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mogplex_mcp.config.environment import is_placeholder, unquoted
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.document import FORMATS
from mogplex_mcp.installation.launch import Launch, options_in


@dataclass(frozen=True)
class ServerCommand:
    """The command of an entry.

    Attributes:
        command: As in the entry.
        args: Its arguments.
        environment: Its environment variables; the values can be tokens.
        forwarded: Names of variables that the client passes on.
        options: The options of this server among the arguments; None if it starts another server.
        is_disabled: Whether the entry is disabled.
    """

    command: str
    args: tuple[str, ...] = ()
    environment: Mapping[str, Secret] = field(default_factory=dict)
    forwarded: tuple[str, ...] = ()
    options: tuple[str, ...] | None = None
    is_disabled: bool = False


def entry_for(client: Client, launch: Launch, name: str = "mogplex") -> dict[str, Any]:
    """Return the fields of an entry, in the order in which they are written, without any token."""
    args = [*launch.args, *launch.options]
    start: dict[str, Any] = (
        {client.command_field: [launch.command, *args]}
        if client.command_is_list
        else {client.command_field: launch.command, "args": args}
    )
    variables = dict(launch.variables)
    entry = {**client.leading_fields, **start, **client.trailing_fields}
    if client.forwarded:
        # The client passes them on itself, each time with its present value, and those with a password, too.
        forwarded = [*launch.forwarded, *launch.hidden]
        entry |= {client.forwarded: forwarded} if forwarded else {}
    else:
        variables |= launch.forwarded
    entry |= {client.variables: variables} if variables else {}
    return {field: name if value == "{name}" else value for field, value in entry.items()}


def snippet_for(client: Client, launch: Launch, name: str) -> str:
    """Return a whole configuration with nothing but the entry, with a final newline."""
    value: Any = {name: entry_for(client, launch, name)}
    for step in reversed(client.entries):
        value = {step: value}
    return FORMATS[client.format].render(value).rstrip("\n") + "\n"


def parse_entry(client: Client, entry: Any) -> ServerCommand:
    """Parse an entry of any shape; one without a command gets an empty command."""
    if not isinstance(entry, dict):
        return ServerCommand("")
    command = entry.get(client.command_field)
    words = command if isinstance(command, list) else [command, *_list(entry.get("args"))]
    texts = [str(word) for word in words if isinstance(word, str | int | float)]
    if not texts:
        return ServerCommand("")
    variables = entry.get(client.variables)
    values = variables if isinstance(variables, dict) else {}
    return ServerCommand(
        texts[0],
        tuple(texts[1:]),
        {str(name): Secret(str(value)) for name, value in values.items()},
        tuple(map(str, _list(entry.get(client.forwarded)))) if client.forwarded else (),
        options_in(texts[0], texts[1:]),
        entry.get("disabled") is True or entry.get("enabled") is False,
    )


def is_unfilled(client: Client, text: str) -> bool:
    """Return whether a value is a placeholder that the client does not fill in either."""
    value = unquoted(text)
    return is_placeholder(value) and not value.startswith(client.fills)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
