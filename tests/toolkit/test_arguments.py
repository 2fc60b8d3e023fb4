"""What is made of the arguments that models really send."""

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.toolkit import arguments as arguments_module
from mogplex_mcp.toolkit.arguments import input_schema
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset

sample = Toolset("sample", "One tool with an argument of every kind.")


@sample.tool("Try everything", Hints())
async def try_everything(
    _call: Call,
    *,
    name: Annotated[str, Field(description="A text.")],
    count: Annotated[int, Field(description="1 to 9.", ge=1, le=9)] = 3,
    share: Annotated[float, Field(description="A number.")] = 0.5,
    flag: Annotated[bool, Field(description="A switch.")] = False,
    kind: Annotated[Literal["claude-code", "codex"], Field(description="One of two.")] = "codex",
    tags: Annotated[list[str], Field(description="Texts.")] = [],  # noqa: B006 - never changed
    targets: Annotated[list[Literal["production", "preview"]], Field(description="Some of two.")] = [],  # noqa: B006 - as above
    graph: Annotated[dict[str, Any], Field(description="An object.")] = {},  # noqa: B006 - as above
) -> Reply:
    """Take everything."""
    return Reply(summary=f"{name} {count} {share} {flag} {kind} {tags} {targets} {graph}")


ARGUMENTS = sample.tools[0].arguments
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["null", "[", '{"a":1}', "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def check(model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments_module.check(model, arguments).values


def taken_or_refused(arguments: dict[str, Any]) -> dict[str, Any] | str:
    try:
        return check(ARGUMENTS, arguments)
    except InvalidArgumentError as error:
        return str(error)


@pytest.mark.parametrize(
    ("argument", "given_value", "meant"),
    [
        ("name", 7, "7"),
        ("name", 1.5, "1.5"),
        ("name", ["one"], "one"),
        ("name", '{"a": 1}', '{"a": 1}'),
        ("name", " padded ", " padded "),
        ("count", "7", 7),
        ("count", " 7 ", 7),
        ("count", '"7"', 7),
        ("count", 7.0, 7),
        ("count", [7], 7),
        ("share", "0.25", 0.25),
        ("flag", "true", True),
        ("flag", "False", False),
        ("flag", 1, True),
        ("kind", "Claude_Code", "claude-code"),
        ("kind", '"codex"', "codex"),
        ("kind", ["codex"], "codex"),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("tags", "a", ["a"]),
        ("tags", '"a"', ["a"]),
        ("targets", "production", ["production"]),
        ("targets", '["preview"]', ["preview"]),
        ("targets", "Production, preview", ["production", "preview"]),
        ("targets", ["PREVIEW"], ["preview"]),
        ("graph", '{"nodes": []}', {"nodes": []}),
        ("graph", {"nodes": []}, {"nodes": []}),
    ],
)
def test_a_value_is_taken_for_what_it_means(argument: str, given_value: Any, meant: Any) -> None:
    assert check(ARGUMENTS, {"name": "x", argument: given_value})[argument] == meant


@pytest.mark.parametrize("absent", [None, "", "null", " null ", [], {}])
def test_what_is_left_out_in_whatever_way_takes_its_default(absent: Any) -> None:
    names = ("count", "share", "flag", "kind", "tags", "targets", "graph")
    assert check(ARGUMENTS, {"name": "x", **dict.fromkeys(names, absent)}) == check(ARGUMENTS, {"name": "x"})


@pytest.mark.parametrize(
    ("argument", "given_value", "said"),
    [
        ("name", None, "try_everything needs the argument name: A text"),
        ("name", ["one", "two"], 'name must be one text, but ["one", "two"] was given'),
        ("name", {"a": 1}, 'name must be one text, but {"a": 1} was given'),
        ("name", True, "name must be one text, but true was given"),
        ("name", "x" * 2_001, "name must have at most 2000 characters, but has 2001"),
        ("name", "a\0", "name holds a NUL character"),
        ("name", "\ud800", "name holds half of a surrogate pair"),
        ("count", 10, "count must be a whole number from 1 to 9, but 10 was given"),
        ("count", [1, 2], "count must be a whole number from 1 to 9, but [1, 2] was given"),
        ("share", "half", 'share must be a number, but "half" was given'),
        ("flag", "perhaps", 'flag must be true or false, but "perhaps" was given'),
        ("kind", "gemini", 'kind must be one of claude-code, codex, but "gemini" was given'),
        ("tags", "[1", 'tags must be a list of texts, but "[1" was given'),
        ("tags", ["a\0"], "tags holds a NUL character"),
        ("targets", ["staging"], "targets must be a list of production, preview"),
        ("targets", ["preview"] * 501, "targets must have at most 500 items, but has 501"),
        ("graph", "nodes", 'graph must be an object, but "nodes" was given'),
        ("naem", 1, "Did you mean name?"),
        ("Kind", 1, "Did you mean kind?"),
    ],
)
def test_what_cannot_be_meant_is_named_with_what_is_wanted(argument: str, given_value: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(ARGUMENTS, {"name": "x", argument: given_value})
    assert said in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(ARGUMENTS, {"count": 0, "kind": "x"})
    assert [part.split()[0] for part in str(caught.value).split("; ")] == ["try_everything", "count", "kind"]


@given(st.dictionaries(st.sampled_from(sorted(ARGUMENTS.model_fields)) | st.text(), ANY_JSON, max_size=8))
def test_whatever_is_sent_it_is_taken_or_refused_in_few_words(arguments: dict[str, Any]) -> None:
    outcome = taken_or_refused(arguments)
    if isinstance(outcome, str):
        assert 10 < len(outcome.encode()) < 3_000
    else:
        assert set(outcome) == set(ARGUMENTS.model_fields)
        assert 1 <= outcome["count"] <= 9


def test_limits_that_a_description_does_not_say_are_added_to_it_and_bounds_against_nonsense_left_out() -> None:
    class Bounded(BaseModel):
        page: Annotated[int, Field(ge=1, le=9_999)] = 1
        number: Annotated[int, Field(description="Which.", ge=1, le=2**31 - 1)] = 1
        limit: Annotated[int, Field(description="1 to 50.", ge=1, le=50)] = 5
        notes: Annotated[str, Field(description="Yours.", max_length=20_000)] = ""
        word: Annotated[str, Field(description="One.", max_length=100)] = ""

    assert input_schema(Bounded)["properties"] == {
        "page": {"description": "1 to 9999.", "type": "integer"},
        "number": {"description": "Which.", "type": "integer"},
        "limit": {"description": "1 to 50.", "type": "integer"},
        "notes": {"description": "Yours. At most 20000 characters.", "type": "string"},
        "word": {"description": "One.", "type": "string"},
    }


def test_the_schema_is_flat_and_says_nothing_twice() -> None:
    schema = input_schema(ARGUMENTS)
    assert schema["required"] == ["name"]
    assert schema["properties"]["name"] == {"description": "A text.", "type": "string"}
    assert "default" not in json.dumps(schema)
    assert "$" not in json.dumps(schema)
    assert "title" not in json.dumps(schema)
