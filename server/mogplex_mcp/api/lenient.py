"""Lenient parsing of responses: a field that is missing, null or of a wrong type falls back to a default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import canonical_uuid
from mogplex_mcp.api.unreadable import note_unreadable
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.humanize import counted

MAX_ROWS: Final = 2_000
"""The most rows of a list; the largest `limit` of the API is 200, and some lists have none."""

LARGEST_NUMBER = 2**63 - 1
"""The largest integer that is accepted: SQLite and date arithmetic can't take larger ones, which JSON allows."""

_WITHOUT_VALUES: Final = {"include_url": False, "include_context": False, "include_input": False}

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class _DefaultOnError:
    """Annotation of a field that falls back to a default when its value is invalid.

    Declared in the core schema instead of a validator in Python: most fields have it, and it takes a fifth of the time.
    """

    default: object

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), default=self.default, on_error="default")


def _moment_or_none(value: object, handler: ValidatorFunctionWrapHandler) -> datetime | None:
    try:
        moment = handler(value) if isinstance(value, str | datetime) else None
    except ValidationError:
        return None
    if isinstance(moment, datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _read_rows(values: Sequence[Any], validate: Callable[[Any], list[T]], name: str) -> list[T]:
    """Return the rows of a list that can be read, and count the others.

    Args:
        values: The list, whose length is checked before anything is made of its rows.
        validate: Validates a list of rows.
        name: The name of the list.

    Raises:
        MogplexError: `UNEXPECTED_ANSWER`; there are more rows than `MAX_ROWS`.
        ValidationError: None of the rows can be read.
    """
    if len(values) > MAX_ROWS:
        raise MogplexError(
            ErrorCode.UNEXPECTED_ANSWER,
            f"Mogplex responded with {len(values):,} {name}, over the limit of {MAX_ROWS:,}.",
        )
    try:
        return validate(values)
    except ValidationError as error:
        unreadable = {one["loc"][0] for one in error.errors(**_WITHOUT_VALUES)}
        note_unreadable({name: len(unreadable)})
        readable = [value for index, value in enumerate(values) if index not in unreadable]
        if not readable:
            raise
    return validate(readable)


def _rows(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> list[Any]:
    return _read_rows(value, handler, str(info.field_name)) if isinstance(value, list | tuple) else handler(value)


def _items(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> list[Any]:
    try:
        return _rows(value, handler, info)
    except ValidationError:
        return []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def _object(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


Id = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
"""A required id: an object without it is an error, and a row without it is left out of its list."""

Uuid = Annotated[
    str,
    StringConstraints(pattern=r"^(?i:[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12})$"),
    AfterValidator(lambda text: canonical_uuid(text) or text),
]
"""A required id that is a UUID, in lower case with dashes, since it is stored and sent back later."""

Int = Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
"""An integer within `LARGEST_NUMBER`."""

Lenient = Annotated[T | None, _DefaultOnError(None)]
"""`T`; None when it is missing or invalid."""

Text = Annotated[str, _DefaultOnError("")]
"""A text; "" when it is missing or invalid."""

Flag = Annotated[bool, _DefaultOnError(default=False)]
"""A boolean; False when it is missing or invalid."""

Moment = Annotated[datetime | None, WrapValidator(_moment_or_none)]
"""An aware datetime from ISO 8601 text, in UTC if the text has no offset; None when it is missing or invalid."""

Rows = Annotated[list[T], WrapValidator(_rows)]
"""A required list without the rows that can't be read; invalid when none of them can."""

Items = Annotated[list[T], WrapValidator(_items)]
"""An optional list without the rows that can't be read; [] when it isn't a list."""

Texts = Annotated[list[str], BeforeValidator(_texts)]
"""The strings of a list; [] when it isn't a list."""


Json = Annotated[dict[str, Any], BeforeValidator(_object)]
"""A JSON object of any content; {} when it isn't an object."""


class Record(BaseModel):
    """Base of all response models: accepts camelCase and snake_case names and ignores unknown fields."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel),
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,  # building a model takes milliseconds, and most processes use only a few
    )


def parse(model: type[M], value: object, what: str, *, changed: bool = False) -> M:
    """Parse a part of a response into a model.

    Args:
        model: The model.
        value: The part of the response.
        what: Its name for the error, such as "run".
        changed: Whether the request changed something.

    Raises:
        MogplexError: `UNEXPECTED_ANSWER`; a required field is missing or invalid, which the message names.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _unusable(what, _location(error), changed=changed) from None


def parse_list(model: type[M], data: Mapping[str, Any], name: str) -> list[M]:
    """Parse the required list `name` of a response into models; rows that can't be read are counted and left out.

    Raises:
        MogplexError: `UNEXPECTED_ANSWER`; the list is missing or too long, or none of its rows can be read.
    """
    values = data.get(name)
    if not isinstance(values, list):
        raise MogplexError(ErrorCode.UNEXPECTED_ANSWER, f"Mogplex responded without a list of {name}.")
    try:
        return _read_rows(values, _list_of(model).validate_python, name)
    except ValidationError as error:
        _, *location = _location(error)  # without the index of the row
        raise _unusable(name, location, changed=False, where=f" in any of {counted(len(values), 'row')}") from None


@cache
def _list_of(model: type[M]) -> TypeAdapter[list[M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type] # the type is a variable here


def _location(error: ValidationError) -> Sequence[int | str]:
    """Return the location of the first error, without its value, which may be a secret (mogplex-api.md, section 3)."""
    return error.errors(**_WITHOUT_VALUES)[0]["loc"]


def _unusable(what: str, location: Sequence[int | str], *, changed: bool, where: str = "") -> MogplexError:
    field = ".".join([what, *(clean_line(str(part), 60) for part in location)])
    return MogplexError(
        ErrorCode.UNEXPECTED_ANSWER, f"Mogplex responded without a usable {field}{where}.", may_have_happened=changed
    )
