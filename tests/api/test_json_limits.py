"""Bounds on what JSON of a response may cost, and halves of emojis."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.json_limits import MAX_DEPTH, MAX_VALUES, find_excess, replace_lone_surrogates


def nested(depth: int, inside: bytes = b"[]") -> bytes:
    return b'{"a":[' * (depth // 2) + inside + b"]}" * (depth // 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 1000,
        b"]" * 1000,
        b'"' * 1001,
        nested(MAX_DEPTH - 2),
        b"[" + b"[],{}," * 1000 + b"1]",
        b'["' + b"[" * 10_000 + b'","' + b",{" * MAX_VALUES + b'"]',
        b'["' + b'\\"[' * 10_000 + b'\\\\"]',
        b"[" + b"1," * (MAX_VALUES // 2) + b"1]",
    ],
    ids=range(10),
)
def test_json_within_the_limits_is_parsed(body: bytes) -> None:
    assert not find_excess(body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (nested(MAX_DEPTH), "nested more than 64 deep"),
        (nested(10_000), "nested more than 64 deep"),
        (b'["\\\\",' + nested(MAX_DEPTH) + b"]", "nested more than 64 deep"),
        (b"[" + b"{}," * MAX_VALUES + b"1]", "more than 250,000 values"),
        (b"[" * (MAX_VALUES + 1), "more than 250,000 values"),
        (b'{"a":' * (MAX_VALUES + 1), "more than 250,000 values"),
        (b"[" + b'"",' * MAX_VALUES + b'""]', "more than 250,000 values"),
        (b'"' * (4 * MAX_VALUES + 1), "more than 250,000 values"),
    ],
    ids=range(8),
)
def test_json_beyond_the_limits_is_named(body: bytes, why: str) -> None:
    assert why in find_excess(body)


JSON = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(JSON, st.booleans())
def test_ordinary_json_is_never_refused(value: object, ensure_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=ensure_ascii).encode()
    assert not find_excess(body)
    assert replace_lone_surrogates(body) == body


@given(st.lists(st.sampled_from(["\ud83d", "\ude00", "\\", "a", '"', "\\ud83d", "\U0001f600"])))
def test_only_halves_of_emojis_are_replaced(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\ufffd", "?")
    assert json.loads(replace_lone_surrogates(json.dumps(text).encode())) == whole
