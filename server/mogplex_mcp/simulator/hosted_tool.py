"""Declaration of a tool of the hosted JSON-RPC endpoint."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .json_schema import Schema

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HostedTool:
    """A tool of the hosted endpoint.

    Attributes:
        method: of the REST route behind it.
        path: template; `{…}` are arguments.
        line: makes the text of the result from the arguments and the data.
        query: names of query parameters, by argument.
        nested: the key under which the data is nested, if the route itself does not nest it.
    """

    name: str
    title: str
    description: str
    method: str
    path: str
    line: Callable[[Data, Data], str]
    properties: dict[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    query: dict[str, str] = field(default_factory=dict)
    nested: str | None = None

    @property
    def schema(self) -> Schema:
        """Return the schema of the arguments, without the keywords that only the simulator's validation uses."""
        schema: Schema = {"type": "object", "properties": self.properties, "additionalProperties": False}
        return schema | ({"required": list(self.required)} if self.required else {})

    def definition(self) -> Data:
        """Return the tool as in `tools/list`."""
        reads = self.method == "GET"
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.schema,
            "annotations": {"readOnlyHint": reads, "openWorldHint": False},
        }
