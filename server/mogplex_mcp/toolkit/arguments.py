"""A tool's arguments: the flat schema for clients, validation that tolerates what models send, secret detection."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo

from mogplex_mcp.config.environment import unquoted
from mogplex_mcp.core.nearest import suggestion
from mogplex_mcp.core.redaction import find_key
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.toolkit.size_limits import check_size
from mogplex_mcp.toolkit.unknown_arguments import is_absent, quoted, sort_arguments

# An object with any fields is published as JSON text; objects are accepted too. Models' providers have no open objects:
# the strict modes of OpenAI and Anthropic require `additionalProperties: false`, so converters make an object that is
# always empty of it (openai-agents-python, pull request 4310), and Gemini refuses an object without properties.
# The schema of all arguments has no `additionalProperties`: converters for strict modes add it, and Gemini's older API
# refuses it.
JsonObject = Annotated[dict[str, Any], WithJsonSchema({"type": "string"})]

LONGEST_TEXT: Final = 2_000
"""For text without a limit of its own: a bound against nonsense, not said since no sensible call reaches it."""
LARGEST_NUMBER: Final = 1_000_000
"""A bound of a number that is as high as this is one against nonsense, and not said either."""

MOST_ITEMS: Final = 500
"""In a list."""

# Arguments that are names, not text: quotes around them are never meant. Ids and repositories are read more leniently.
_NAMES: Final = frozenset(
    {"base_branch", "working_branch", "root_directory", "cursor", "node_id", "model", "key", "query"}
)
# The one argument that secrets belong in.
_SECRET_ARGUMENT: Final = ("set_env_var", "value")


def input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """Return the published schema: flat, with types, values and descriptions only.

    Descriptions say defaults and limits in words, and `check` has the limits. Providers refuse the keywords in strict
    modes, so that a client which passes a schema on as it is gets no answer at all: OpenAI's `default`
    (dotnet/extensions, issue 6266), Anthropic's `minimum` and `maximum` (cherry-studio, issue 18037). Others drop them.
    """
    schema = arguments.model_json_schema()
    properties = schema.get("properties", {})
    for one in properties.values():
        one.pop("title", None)
        if limits := _unsaid_limits(one):
            one["description"] = f"{one.get('description', '')} {limits}".strip()
        for keyword in ("default", "minimum", "maximum", "maxLength", "maxItems"):
            one.pop(keyword, None)
    required = {"required": schema["required"]} if "required" in schema else {}
    return {"type": "object", "properties": properties, **required}


def _unsaid_limits(schema: Mapping[str, Any]) -> str:
    said = schema.get("description", "")
    if schema.get("maximum", LARGEST_NUMBER) < LARGEST_NUMBER and str(schema["maximum"]) not in said:
        return f"{schema['minimum']} to {schema['maximum']}." if "minimum" in schema else f"Up to {schema['maximum']}."
    if schema.get("maxLength", 0) > LONGEST_TEXT and str(schema["maxLength"]) not in said:
        return f"At most {schema['maxLength']} characters."
    return ""


@dataclass(frozen=True)
class CheckedArguments:
    """The arguments of a call, validated.

    Attributes:
        values: The value of every argument, defaults included.
        notes: What was left out of the call, as sentences.
    """

    values: dict[str, Any]
    notes: list[str]


def check(arguments: type[BaseModel], given: Mapping[str, Any], *, changes: bool = False) -> CheckedArguments:
    """Validate the arguments of a call.

    Models send "" and "null" for what they leave out, numbers in strings, one value in a list, lists as JSON text: all
    of these are converted.

    Args:
        arguments: The model of the tool's arguments; the class has the tool's name.
        given: The arguments that the client sent.
        changes: Whether the tool changes anything.

    Raises:
        InvalidArgumentError: Something is missing, out of its limits, or unknown and not to be ignored.
    """
    known = arguments.model_fields
    taken, notes = sort_arguments(arguments.__name__, given, known, changes=changes)
    wanted = {}
    for name, value in taken.items():
        check_size(name, value)
        # The value of a variable may be any text but an empty one.
        if not is_absent(value) or ((arguments.__name__, name) == _SECRET_ARGUMENT and value):
            wanted[name] = _meant(value, known[name].annotation)
            if name in _NAMES and isinstance(wanted[name], str):
                wanted[name] = unquoted(wanted[name])
            check_size(name, wanted[name])
            _check_count(name, wanted[name], known[name].annotation)
    try:
        checked = arguments.model_validate(wanted)
    except ValidationError as error:
        # Of a list with several wrong items, the first is enough.
        problems = {str(one["loc"][0]): one for one in reversed(error.errors(include_url=False))}
        raise InvalidArgumentError(
            "; ".join(_problem(arguments.__name__, name, known, problems[name]) for name in known if name in problems)
        ) from None
    values = {name: getattr(checked, name) for name in known}
    for name, value in values.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                _check_text(name, text, bounded=isinstance(value, list) or _most(known[name]) is None)
    return CheckedArguments(values, notes)


def _check_count(name: str, value: Any, annotation: Any) -> None:
    """Refuse a long list before each of its items is validated."""
    if get_origin(annotation) is list and isinstance(value, list) and len(value) > MOST_ITEMS:
        raise InvalidArgumentError(f"{name} must have at most {MOST_ITEMS} items, but has {len(value)}")


def _meant(value: Any, annotation: Any) -> Any:
    """Convert a value of the wrong JSON type; return it as it is where its meaning is not clear."""
    if (get_origin(annotation) or annotation) in (list, dict):
        return _meant_container(value, annotation, wants_list=(get_origin(annotation) or annotation) is list)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if annotation in (int, float) and isinstance(value, bool):
        return json.dumps(value)  # pydantic would take true for 1
    if annotation is str:
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if not isinstance(value, str):
        return value
    plain = value.strip().strip("\"'").removeprefix("#" if annotation is int else "")
    if get_origin(annotation) is not Literal:
        return plain
    same = {_letters(option): option for option in get_args(annotation)}
    return same.get(_letters(plain), plain)


def _meant_container(value: Any, annotation: Any, *, wants_list: bool) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            if value.lstrip().startswith(("[", "{")):
                return value
    if not wants_list or not isinstance(value, (list, str, int, float)):
        return value
    (item,) = get_args(annotation) or (None,)
    if get_origin(item) is not Literal:
        return value if isinstance(value, list) else [value]
    items = value if isinstance(value, list) else str(value).split(",", MOST_ITEMS)
    return items if len(items) > MOST_ITEMS else [_meant(one, item) for one in items]


def _letters(text: str) -> str:
    return text.casefold().replace("_", "-")


def _check_text(name: str, text: str, *, bounded: bool) -> None:
    if bounded and len(text) > LONGEST_TEXT:
        raise InvalidArgumentError(f"{name} must have at most {LONGEST_TEXT} characters, but has {len(text)}")
    if "\0" in text:
        raise InvalidArgumentError(f"{name} holds a NUL character; remove it")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidArgumentError(f"{name} holds half of a surrogate pair, which is not a character; remove it")


def _problem(tool: str, name: str, known: Mapping[str, FieldInfo], problem: Mapping[str, Any]) -> str:
    field = known[name]
    if problem["type"] == "missing":
        return f"{tool} needs the argument {name}: {field.description or 'it has no default'}".rstrip(".")
    given = problem["input"]
    if problem["type"] == "string_too_long":
        return f"{name} must have at most {_most(field)} characters, but has {len(given)}"
    if problem["type"] == "too_long":
        return f"{name} must have at most {_most(field)} items, but has {len(given)}"
    if (tool, name) == _SECRET_ARGUMENT:
        return f"{name} must be {_wanted(field)}"
    instead = f"; several go into {name}s" if isinstance(given, list) and f"{name}s" in known else ""
    return f"{name} must be {_wanted(field)}, but {quoted(given)} was given{instead}"


def _wanted(field: FieldInfo) -> str:
    """Return what the argument takes, in plain words."""
    annotation = field.annotation
    origin = get_origin(annotation) or annotation
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if origin is list:
        options = [option for item in get_args(annotation) for option in get_args(item)]
        return f"a list of {', '.join(map(str, options))}" if options else "a list of texts"
    kinds: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        dict: "an object",
        str: "one text",
    }
    least, most = _bound(field, "ge"), _bound(field, "le")
    limits = "" if least is None else f" of {least} or more" if most is None else f" from {least} to {most}"
    return kinds.get(origin, "of another type") + limits


def _bound(field: FieldInfo, name: str) -> Any:
    return next((getattr(one, name) for one in field.metadata if hasattr(one, name)), None)


def _most(field: FieldInfo) -> Any:
    return _bound(field, "max_length")


def unknown_name(kind: str, name: str, known: Sequence[str]) -> str:
    """Return the message for a name that does not exist, with at most three that do: those it could stand for."""
    missing = f"there is no {kind} {quoted(name)}"
    return f"{missing}; {suggestion(name, known)}" if known else missing


def refuse_secrets(tool: str, values: Mapping[str, Any], own_token: str) -> None:
    """Refuse arguments that contain a secret: agents, logs and pull requests show the text that they were given.

    Args:
        tool: The tool's name.
        values: Its arguments.
        own_token: The caller's token.

    Raises:
        InvalidArgumentError: The message says what kind of secret it looks like and where it belongs, never the secret.
    """
    for name, value in values.items():
        if (tool, name) != _SECRET_ARGUMENT and (kind := find_key(value, own_token)):
            raise InvalidArgumentError(
                f"{name} holds what looks like {kind}; agents, logs and pull requests would show it to others. Take it "
                "out: what an agent needs belongs in the environment variables of the repository. If it really has "
                "to be handed on, the user can set MOGPLEX_MCP_ALLOW_SECRETS_IN_PROMPTS=1"
            )
