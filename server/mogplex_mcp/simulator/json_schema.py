"""Validation against a subset of JSON Schema, with the error messages of the real API's validator (zod)."""

import re
from typing import Any

Schema = dict[str, Any]


def first_error(value: Any, schema: Schema, at: str = "", root: str = "body") -> str | None:
    """Return the first validation error of a value.

    Args:
        value: any JSON.
        schema: `type` (one, or one and `null`), `enum`, `minimum`, `maximum`, `minLength`, `maxLength`, `pattern` with
            `patternMessage`, `properties`, `required`, `additionalProperties`, `items`, `minItems`.
        at: the path of the value, for the message.
        root: what the message calls the value without a path.

    Returns:
        `path: message`, or None if the value is valid.
    """
    name = at or root
    expected = schema.get("type")
    if isinstance(expected, list):
        if value is None:
            return None
        expected = expected[0]
    found = _type_error(value, expected)
    if found is not None:
        return f"{name}: {found}"
    match value:
        case list():
            return _list_error(value, schema, at, name)
        case dict():
            return _object_error(value, schema, at, name)
        case str():
            found = _string_error(value, schema)
        case int() | float() if not isinstance(value, bool):
            found = _number_error(value, schema)
    return None if found is None else f"{name}: {found}"


def _type_error(value: Any, expected: str | None) -> str | None:
    received = _type(value)
    if expected == "integer" and received == "number":
        whole = isinstance(value, int) or value.is_integer()
        return None if whole else "Expected integer, received float"
    if expected in (None, received):
        return None
    return f"Expected {'number' if expected == 'integer' else expected}, received {received}"


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _string_error(value: str, schema: Schema) -> str | None:
    if "enum" in schema and value not in schema["enum"]:
        expected = " | ".join(f"'{choice}'" for choice in schema["enum"])
        return f"Invalid enum value. Expected {expected}, received '{value}'"
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if len(value.strip()) < least:
        return f"String must contain at least {least} character(s)"
    if most is not None and len(value) > most:
        return f"String must contain at most {most} character(s)"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return str(schema.get("patternMessage", "Invalid"))
    return None


def _number_error(value: float, schema: Schema) -> str | None:
    if "minimum" in schema and value < schema["minimum"]:
        return f"Number must be greater than or equal to {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        return f"Number must be less than or equal to {schema['maximum']}"
    return None


def _list_error(value: list[Any], schema: Schema, at: str, name: str) -> str | None:
    least = schema.get("minItems", 0)
    if len(value) < least:
        return f"{name}: Array must contain at least {least} element(s)"
    found = (first_error(item, schema.get("items", {}), _below(at, index)) for index, item in enumerate(value))
    return next((item for item in found if item is not None), None)


def _object_error(value: dict[str, Any], schema: Schema, at: str, name: str) -> str | None:
    properties: dict[str, Schema] = schema.get("properties", {})
    for key, wanted in properties.items():
        if key in value:
            found = first_error(value[key], wanted, _below(at, key))
        else:
            found = f"{_below(at, key)}: Required" if key in schema.get("required", ()) else None
        if found is not None:
            return found
    unknown = [key for key in value if key not in properties]
    if unknown and schema.get("additionalProperties") is False:
        keys = ", ".join(f"'{key}'" for key in unknown)
        return f"{name}: Unrecognized key(s) in object: {keys}"
    return None


def _below(at: str, key: object) -> str:
    return f"{at}.{key}" if at else str(key)
