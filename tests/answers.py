"""Every answer of every test is checked against the schema of its tool, formats included."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker

from mogplex_mcp.reply.model import Reply

FORMATS = FormatChecker(formats=())
_URI = re.compile(r"[a-z][a-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def _is_time(text: object) -> bool:
    return isinstance(text, str) and "T" in text and datetime.fromisoformat(text).tzinfo is not None


def is_uri(text: object) -> bool:
    """Whether a text is a URI (RFC 3986), to the letter."""
    return isinstance(text, str) and _URI.fullmatch(text) is not None


def _is_uuid(text: object) -> bool:
    return isinstance(text, str) and str(UUID(text)) == text


FORMATS.checks("date-time", raises=ValueError)(_is_time)
FORMATS.checks("uuid", raises=ValueError)(_is_uuid)
FORMATS.checks("uri")(is_uri)


def problems(reply: type[Reply], structured: object) -> list[str]:
    """What is wrong with an answer, by the whole schema of its tool and by the published one."""
    return [
        f"{reply.__name__}: {error.json_path}: {error.message}"
        for validator in _validators(reply)
        for error in validator.iter_errors(structured)
    ]


@cache
def _validators(reply: type[Reply]) -> list[Draft202012Validator]:
    return [
        Draft202012Validator(schema, format_checker=FORMATS)
        for schema in (closed(reply.full_schema()), reply.output_schema())
    ]


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose objects have no fields but those that it names."""
    result = dict(schema)
    if "properties" in result:
        result["properties"] = {name: closed(one) for name, one in result["properties"].items()}
        result["additionalProperties"] = False
    if "items" in result:
        result["items"] = closed(result["items"])
    return result


def leaves(value: Any) -> Iterator[str]:
    """Every text and number in an answer, as a reader sees it."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value if isinstance(value, str) else json.dumps(value)
