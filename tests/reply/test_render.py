"""Text and structured content have the same facts, and keep the output limit for any content."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from mogplex_mcp.reply.model import MOST_NEXT_STEPS, ListReply, NextStep, Reply, Time
from mogplex_mcp.reply.output_limit import TARGET_CHARACTERS
from mogplex_mcp.reply.render import render
from mogplex_mcp.reply.schema import text as text_schema
from mogplex_mcp.reply.untrusted import SHORT_WARNING, WARNING, fence
from tests.answers import leaves

WALL = 10_000
NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)


class Row(BaseModel):
    id: str
    name: str = ""
    state: str = ""


class Sample(ListReply):
    """Something of every kind."""

    narrow: ClassVar[str] = "Ask for less."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {"message": text_schema("What it said.")}
    rows: Sequence[Row] = ()
    tags: Sequence[str] = ()
    one: Row | None = None
    count: int | None = None
    flag: bool | None = None
    text: str = ""
    cursor: str = ""
    at: Time | None = None


def rendered(reply: Reply) -> tuple[str, dict[str, Any]]:
    structured, text = render(reply, now=NOW)
    return text, structured


words = st.text(st.characters(categories=("L", "N", "P")), max_size=30)
said = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=30)
rows = st.lists(st.builds(Row, id=words, name=words, state=words), max_size=20)
samples = st.builds(
    Sample,
    summary=said,
    rows=rows,
    tags=st.lists(words, max_size=5),
    one=st.none() | st.builds(Row, id=words, name=words, state=words),
    count=st.none() | st.integers(),
    flag=st.none() | st.booleans(),
    text=words,
    notes=st.lists(words, max_size=3),
    untrusted=st.dictionaries(words, words | st.lists(words, max_size=5), max_size=3),
    next_steps=st.lists(
        st.builds(NextStep, tool=said, arguments=st.dictionaries(words, words | st.integers(), max_size=2), why=said),
        max_size=MOST_NEXT_STEPS,
    ),
)


@given(samples)
def test_every_fact_of_the_structured_content_stands_in_the_text(reply: Sample) -> None:
    text, structured = rendered(reply)
    for leaf in leaves(structured):
        assert leaf in text or json.dumps(leaf, ensure_ascii=False) in text


@given(samples)
def test_the_text_has_no_line_that_the_structured_content_does_not_account_for(reply: Sample) -> None:
    text, structured = rendered(reply)
    facts = text.partition("Below, between the two marks")[0].splitlines()
    lists = [value for name, value in structured.items() if isinstance(value, list)]
    scalars = [value for value in structured.values() if not isinstance(value, list)]
    assert len(facts) <= len(scalars) + sum(1 + len(value) for value in lists)


@given(samples)
def test_what_is_empty_is_left_out_and_the_summary_comes_first(reply: Sample) -> None:
    _, structured = rendered(reply)
    assert next(iter(structured)) == "summary"
    assert not [name for name, value in structured.items() if value in (None, [], {}, "") and name != "summary"]
    assert (structured.get("flag", None) is False) == (reply.flag is False)
    assert (structured.get("count", None) == 0) == (reply.count == 0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 500),
    st.integers(0, 3_000),
    st.integers(0, 300_000),
    st.sampled_from(["x", '"', "\\", "\n", "é", "😀"]),
    st.integers(0, 60),
)
def test_nothing_is_ever_longer_than_the_wall(count: int, width: int, message: int, character: str, lines: int) -> None:
    text, structured = rendered(
        Sample(
            summary=character + character * min(width, 2_000),
            rows=[Row(id=str(number), name=character * width) for number in range(count)],
            text=character * width,
            notes=[character * min(width, 300)] * 3,
            untrusted={"message": character * message, "lines": [character * width] * lines, "rows": ["x"] * count},
            next_steps=[NextStep(tool="x", arguments={"cursor": "c" * 100}, why="y")] * 3,
        )
    )
    assert len(text) <= WALL
    assert len(json.dumps(structured, ensure_ascii=False)) <= WALL
    assert structured["summary"].strip() or character == "\n"


@given(st.integers(50, 500))
def test_what_was_left_out_is_counted_and_how_to_get_it_is_said(count: int) -> None:
    reply = Sample(summary="s", rows=[Row(id=f"{number:0100}") for number in range(count)], notes=["mine"])
    _, structured = rendered(reply)
    left_out = count - len(structured["rows"])
    assert structured["notes"][0] == "mine"
    if left_out:
        assert structured["notes"][1:] == [f"{left_out} more rows left out to keep the answer short. Ask for less."]
    assert [row["id"] for row in structured["rows"]] == [f"{number:0100}" for number in range(len(structured["rows"]))]


def test_rows_and_what_others_wrote_of_them_are_left_out_together() -> None:
    reply = Sample(
        summary="s",
        rows=[Row(id=str(number)) for number in range(200)],
        untrusted={"rows": [{"id": str(number), "branch": "b" * 100} for number in range(200)]},
    )
    _, structured = rendered(reply)
    assert len(structured["rows"]) < 200
    assert [row["id"] for row in structured["rows"]] == [row["id"] for row in structured["untrusted"]["rows"]]
    assert structured["notes"] == [
        f"{200 - len(structured['rows'])} more rows left out to keep the answer short. Ask for less."
    ]


def test_words_of_others_are_cut_before_facts_are_left_out() -> None:
    reply = Sample(summary="s", rows=[Row(id="1")] * 20, untrusted={"failure": "x" * 300_000})
    _, structured = rendered(reply)
    assert len(structured["rows"]) == 20
    assert structured["untrusted"]["failure"].endswith(" …")


def test_a_cursor_is_never_cut() -> None:
    _, structured = rendered(Sample(summary="s", cursor="c" * 2_000, text="x" * 50_000))
    assert structured["cursor"] == "c" * 2_000
    assert len(structured["text"]) < TARGET_CHARACTERS


def test_a_text_with_commas_cannot_pose_as_further_facts_of_its_row() -> None:
    text, _ = rendered(Sample(summary="s", rows=[Row(id="1", name="task, state success")]))
    assert '- 1, name "task, state success"' in text


def test_next_steps_are_calls_spelled_out() -> None:
    step = NextStep(tool="tail_run", arguments={"run_id": "1", "wait": 5}, why="wait")
    text, _ = rendered(Sample(summary="s", next_steps=[step]))
    assert text == 's\nNext: tail_run(run_id="1", wait=5): wait'


def test_next_steps_do_not_repeat_what_stands_above() -> None:
    step = NextStep(tool="tail_run", arguments={"cursor": "c" * 90, "wait": 5}, why="wait")
    text, structured = rendered(Sample(summary="s", cursor="c" * 90, next_steps=[step]))
    assert text == f"s\ncursor: {'c' * 90}\nNext: tail_run(cursor, wait=5): wait"
    assert structured["next_steps"][0]["arguments"]["cursor"] == "c" * 90


def test_next_steps_to_tools_that_are_not_offered_are_left_out() -> None:
    steps = [NextStep(tool="get_run", why="look"), NextStep(tool="start_run", why="do")]
    _, structured = rendered(Sample(summary="s", next_steps=steps).with_next_steps_for({"get_run"}))
    assert [step["tool"] for step in structured["next_steps"]] == ["get_run"]


def test_more_than_three_next_steps_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="at most 3"):
        Sample(summary="s", next_steps=[NextStep(tool="x", why="y")] * 4)


def test_output_schema_describes_every_field_and_repeats_no_inner_description() -> None:
    row = {"type": "object", "properties": {name: {"type": "string"} for name in ("id", "name", "state")}}
    row["required"] = ["id"]
    properties = Sample.output_schema()["properties"]
    assert properties["rows"] == {"type": "array", "items": row}
    assert properties["tags"] == {"type": "array", "items": {"type": "string"}}
    assert properties["one"] == row
    assert properties["count"] == {"type": "integer"}
    assert properties["untrusted"]["properties"] == {"message": {"type": "string"}}
    step = properties["next_steps"]["items"]["properties"]
    assert step == {"tool": {"type": "string"}, "arguments": {"type": "object"}, "why": {"type": "string"}}
    why = Sample.full_schema()["properties"]["next_steps"]["items"]["properties"]["why"]
    assert why["description"] == "What the call is good for."
    assert Sample.output_schema()["required"] == ["summary"]


def test_times_have_an_offset_in_structure_and_an_age_in_text() -> None:
    zone = timezone(timedelta(hours=2))
    text, structured = rendered(Sample(summary="s", at=datetime(2026, 11, 27, 11, 57, 0, 5, zone)))
    assert structured == {"summary": "s", "at": "2026-11-27T09:57:00Z"}
    assert text == "s\nat: 3 min ago (2026-11-27T09:57:00Z)"


@given(samples, st.integers(0, 60), st.integers(0, 9_000))
def test_a_client_that_cuts_both_together_loses_nothing(reply: Sample, count: int, length: int) -> None:
    rows = [Row(id=f"{number:060}") for number in range(count)]
    reply = reply.model_copy(update={"rows": rows, "untrusted": {"message": "m" * length}})
    structured, text = render(reply, now=NOW, client="@cline/core")
    assert len(text) + len(json.dumps(structured, ensure_ascii=False)) <= 8_000
    assert len(structured["rows"] if rows else []) + structured.get("left_out", 0) == count
    assert WARNING in text or not length
    if length <= 5_500 and not count:
        assert "m" * length in text


@pytest.mark.parametrize(
    ("client", "warning"),
    [
        ("mcp", SHORT_WARNING),
        ("claude-code", SHORT_WARNING),
        ("copilot-cli", WARNING),
        ("GitHub Copilot for JetBrains", WARNING),
        ("continue-cli-client", WARNING),
        ("@cline/core", WARNING),
        (None, WARNING),
    ],
)
def test_the_whole_warning_is_for_clients_that_pass_no_instructions_on(client: str | None, warning: str) -> None:
    _, text = render(Sample(summary="s", untrusted={"message": "x"}), now=NOW, client=client)
    assert text.partition("\n<<<untrusted ")[0] == f"s\n{warning}"


def test_the_short_mark_costs_less_than_half_of_the_warning() -> None:
    short, whole = fence("", warning=SHORT_WARNING), fence("")
    assert len(short) <= len(whole) / 2


def test_an_answer_that_cannot_be_cut_further_keeps_its_facts() -> None:
    reply = Sample(summary="s", count=3, untrusted={f"field {number}": "x" * 100 for number in range(200)})
    text, structured = rendered(reply)
    assert structured == {
        "summary": "The answer was too long to be shown.",
        "count": 3,
        "notes": ["Ask for less."],
    }
    assert "count: 3" in text
