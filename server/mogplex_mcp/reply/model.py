"""The base model of replies: facts first, untrusted text separate, next steps at the end."""

from collections.abc import Container, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field

MOST_NEXT_STEPS: Final = 3


class NextStep(BaseModel):
    """A suggested tool call."""

    tool: str
    arguments: Mapping[str, Any] = {}
    why: str


class Reply(BaseModel):
    """The reply of a tool, from which text and structured content are rendered.

    Fields that are None, empty text or empty lists are omitted. Untrusted text goes under `untrusted` only; a list
    there with the name of a list of facts corresponds to it, item by item. Long lists are tuples, which pydantic
    serialises many times faster than a `Sequence`.

    Attributes:
        narrow: How to get what a truncated reply omits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # most processes need few of these models
    narrow: ClassVar[str] = ""

    summary: str
    notes: Sequence[str] = ()
    untrusted: Mapping[str, Any] = {}
    next_steps: Annotated[tuple[NextStep, ...], Field(max_length=MOST_NEXT_STEPS)] = ()

    def with_next_steps_for(self, tools: Container[str]) -> Self:
        """Return a copy without the next steps that call other tools than these."""
        return self.model_copy(update={"next_steps": tuple(step for step in self.next_steps if step.tool in tools)})

    def with_notes(self, notes: Sequence[str]) -> Self:
        """Return a copy with further notes at the end."""
        return self.model_copy(update={"notes": (*self.notes, *notes)}) if notes else self

    def structured(self) -> dict[str, Any]:
        """Return the reply as JSON data, facts first and without empty fields."""
        data = self.model_dump(mode="json")
        first = {"summary": data.pop("summary")}
        last = {name: data.pop(name) for name in ("notes", "untrusted", "next_steps")}
        return first | dict(_pruned(data | last))

    @classmethod
    def output_schema(cls) -> dict[str, Any]:
        """Return the published schema: names and types of the tool's own fields, without `$ref` and nested fields.

        Clients reject a reply that violates its schema, and every word costs tokens in every session: the fields that
        all replies share are described once, in the server's instructions.
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
    """Return the value without empty fields of its objects."""
    if isinstance(value, dict):
        # 0 and False are facts, unlike "", [] and {}.
        return {
            name: inner
            for name, item in value.items()
            if (inner := _pruned(item) if isinstance(item, (dict, list)) else item) or isinstance(inner, (int, float))
        }
    # Most long lists are lists of text.
    return [_pruned(item) if isinstance(item, (dict, list)) else item for item in value]
