"""JSON Schemas of results: flat, since several clients drop `$ref` and stumble over `anyOf`."""

from collections.abc import Collection, Mapping
from typing import Any, Final

_KEPT: Final = ("type", "format", "enum", "description")


def flat(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of pydantic without references, null, titles, defaults, bounds and the docstrings of classes."""
    definitions = {name: _undescribed(one) for name, one in schema.get("$defs", {}).items()}
    return _flat(_undescribed(schema), definitions)


def short(schema: Mapping[str, Any], undescribed: Collection[str]) -> dict[str, Any]:
    """Return a schema without the descriptions of inner fields, and with short ones of the others.

    Of "Run id: what get_run takes." the part before the colon is kept, if it is not the name of the field.

    Args:
        schema: A schema.
        undescribed: Fields of the outer object that get no description, nor do those in them.
    """
    properties = {
        name: _bare(one) if name in undescribed else _short(name, one) for name, one in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _short(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    described = schema.get("description", "").partition(": ")[0].removesuffix(".")
    result = _bare(schema)
    says_more = described.casefold() not in {"", name.replace("_", " ")}
    return {**result, "description": f"{described}."} if says_more else result


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    bare: dict[str, Any] = {name: value for name, value in schema.items() if name != "description"}
    if "properties" in bare:
        bare["properties"] = {name: _bare(one) for name, one in bare["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in bare:
            bare[name] = _bare(bare[name])
    return bare


def _flat(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]] | schema
    if "anyOf" in schema:
        schema = {**schema, **next(one for one in schema["anyOf"] if one.get("type") != "null")}
        return _flat({name: value for name, value in schema.items() if name != "anyOf"}, definitions)
    result: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema}
    if "properties" in schema:
        result["properties"] = {name: _flat(one, definitions) for name, one in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            result[name] = _flat(schema[name], definitions)
    if required := schema.get("required"):
        result["required"] = required
    return result


def _undescribed(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "description"}


def text(description: str) -> dict[str, Any]:
    """Return the schema of a text."""
    return {"type": "string", "description": description}


def texts(description: str) -> dict[str, Any]:
    """Return the schema of a list of texts."""
    return {"type": "array", "items": {"type": "string"}, "description": description}


def rows(description: str, /, **fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a list of objects with these fields."""
    return {"type": "array", "items": {"type": "object", "properties": fields}, "description": description}
