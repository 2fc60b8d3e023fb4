"""The shape that all answers share: facts first, what others wrote apart, what to do next at the end."""

from collections.abc import Container, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field

MOST_NEXT_STEPS: Final = 3


class NextStep(BaseModel):
    """A call that makes sense now."""

    tool: str
    arguments: Mapping[str, Any] = {}
    why: str


class Reply(BaseModel):
    """What a tool answers. Text and structured content are both made of it and say the same.

    Fields that are None, empty text or empty lists are left out. Text that others wrote goes under `untrusted` only;
    a list there that has the name of a list of facts goes with it, item by item. Long lists are tuples: pydantic writes
    them out many times faster than a `Sequence`.

    Attributes:
        narrow: How to get what a long answer leaves out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # most processes need few of them
    narrow: ClassVar[str] = ""

    summary: str
    notes: Sequence[str] = ()
    untrusted: Mapping[str, Any] = {}
    next_steps: Annotated[tuple[NextStep, ...], Field(max_length=MOST_NEXT_STEPS)] = ()

    def offering(self, tools: Container[str]) -> Self:
        """The same reply without next steps that call other tools than these."""
        return self.model_copy(update={"next_steps": tuple(step for step in self.next_steps if step.tool in tools)})

    def structured(self) -> dict[str, Any]:
        """The answer as JSON, facts first and without what is empty."""
        data = self.model_dump(mode="json")
        first = {"summary": data.pop("summary")}
        last = {name: data.pop(name) for name in ("notes", "untrusted", "next_steps")}
        return first | dict(_pruned(data | last))

    @classmethod
    def output_schema(cls) -> dict[str, Any]:
        """The published schema: names and types of the tool's own facts, without `$ref` and without depth.

        Clients refuse an answer that a detail of its schema forgot, and each word costs tokens in each session: what
        all replies share is told once, in the server's instructions.
        """
        schema = cls.model_json_schema(mode="serialization")
        properties = {
            name: {"type": _json_type(field, schema.get("$defs", {}))}
            for name, field in schema["properties"].items()
            if name not in Reply.model_fields
        }
        return {"type": "object", "properties": properties}


def _json_type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _json_type(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return next(_json_type(option, definitions) for option in schema["anyOf"] if option.get("type") != "null")
    return str(schema.get("type", "object"))


def _pruned(value: Any) -> Any:
    """The value without what is empty inside of its objects."""
    if isinstance(value, dict):
        # 0 and False say something, other than "", [] and {}.
        return {
            name: inner
            for name, item in value.items()
            if (inner := _pruned(item) if isinstance(item, (dict, list)) else item) or isinstance(inner, (int, float))
        }
    # Most lists are of texts, and long.
    return [_pruned(item) if isinstance(item, (dict, list)) else item for item in value]
