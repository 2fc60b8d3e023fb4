"""Fields of answers that may be missing, null or of a wrong type without spoiling the rest of the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.text import one_line

LARGEST_NUMBER = 2**63 - 1
"""JSON knows larger ones; no count or time is one, and neither arithmetic nor files can take them."""

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class _Otherwise:
    """Stands for what cannot be read as the type that it annotates.

    Said to pydantic's core instead of caught in a validator of ours: most fields of all answers are of this kind, and
    this takes a fifth of the time.
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


def _objects(value: object) -> list[Any]:
    return [item for item in value if isinstance(item, Mapping | BaseModel)] if isinstance(value, list | tuple) else []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def _object(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


Id = Annotated[str, StringConstraints(min_length=1)]
"""An id without which the rest is of no use: its absence is an error."""

Uuid = Annotated[str, StringConstraints(pattern=r"^(?i:[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12})$")]
"""An id that is written down to be asked about later: one of another form could never be."""

Int = Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
"""A whole number of a size that can be one."""

Lenient = Annotated[T | None, _Otherwise(None)]
"""`T`, or None when it is missing or anything else."""

Text = Annotated[str, _Otherwise("")]
"""Text that the contract promises; "" when it is missing all the same."""

Flag = Annotated[bool, _Otherwise(default=False)]
"""True, or False for everything that is not true."""

Moment = Annotated[datetime | None, WrapValidator(_moment_or_none)]
"""An aware time out of ISO text with 0 to 6 fraction digits; UTC when no zone is given; or None."""

Items = Annotated[list[T], BeforeValidator(_objects)]
"""The objects of a list, for models without required fields; [] when there is no list."""

Texts = Annotated[list[str], BeforeValidator(_texts)]
"""The strings of a list; [] when there is no list."""


Json = Annotated[dict[str, Any], BeforeValidator(_object)]
"""A JSON object of any content; {} when there is none."""


class Record(BaseModel):
    """The common ground of what is read from the API: snake_case names out of either spelling, the unknown ignored."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel),
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,  # a model costs milliseconds to build; most processes need only a few of them
    )


def parse(model: type[M], value: object, what: str, *, changed: bool = False) -> M:
    """Make a model of a part of an answer.

    Args:
        model: The model.
        value: The part of the answer.
        what: Its name, such as "run", for the error.
        changed: Whether the answer was to a request that changed something.

    Raises:
        MogplexError: `UNEXPECTED_ANSWER` naming the field, when something is missing that must be there.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _unusable(what, _place(error), changed=changed) from None


def parse_list(model: type[M], data: Mapping[str, Any], name: str) -> list[M]:
    """Make models of the list that must be there under `name`.

    Raises:
        MogplexError: `UNEXPECTED_ANSWER`, when there is no list or one of its members lacks its id.
    """
    values = data.get(name)
    if not isinstance(values, list):
        raise MogplexError(ErrorCode.UNEXPECTED_ANSWER, f"Mogplex answered without a list of {name}.")
    try:
        return _list_of(model).validate_python(values)
    except ValidationError as error:
        _, *place = _place(error)  # without the number of the member
        raise _unusable(name, place, changed=False) from None


@cache
def _list_of(model: type[M]) -> TypeAdapter[list[M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type] # the type is a variable here


def _place(error: ValidationError) -> Sequence[int | str]:
    """Where the first problem is. Only the place is told: the values may be secrets (mogplex-api.md, section 3)."""
    return error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]


def _unusable(what: str, place: Sequence[int | str], *, changed: bool) -> MogplexError:
    field = ".".join([what, *(one_line(str(part), 60) for part in place)])
    return MogplexError(
        ErrorCode.UNEXPECTED_ANSWER, f"Mogplex answered without a usable {field}.", may_have_happened=changed
    )
