"""A cursor comes back as it went, and what is none is named."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.runs.cursor import Cursor, CursorError
from tests.runs.support import OTHER_RUN_ID, RUN_ID

EVENT_IDS = st.lists(st.uuids().map(str), max_size=200)


@given(EVENT_IDS)
def test_a_cursor_comes_back_as_it_went(event_ids: list[str]) -> None:
    cursor = Cursor(RUN_ID).with_events(event_ids)
    again = Cursor.parse(str(cursor), RUN_ID)
    assert again == cursor
    assert all(again.has_seen(event_id) for event_id in event_ids)


@given(EVENT_IDS, EVENT_IDS)
def test_what_was_not_shown_is_not_seen(shown: list[str], others: list[str]) -> None:
    cursor = Cursor.parse(str(Cursor(RUN_ID).with_events(shown)), RUN_ID)
    assert not any(cursor.has_seen(event_id) for event_id in set(others) - set(shown))


@given(EVENT_IDS)
def test_the_order_of_events_does_not_matter(event_ids: list[str]) -> None:
    forwards, backwards = Cursor(RUN_ID).with_events(event_ids), Cursor(RUN_ID)
    for event_id in reversed(event_ids):
        backwards = backwards.with_events([event_id])
    assert str(forwards) == str(backwards)


def test_a_full_window_fits_into_the_argument() -> None:
    assert len(str(Cursor(RUN_ID).with_events(map(str, range(250))))) < 2_000


def test_no_text_is_the_beginning() -> None:
    assert Cursor.parse("", RUN_ID) == Cursor(RUN_ID)


@given(EVENT_IDS)
def test_a_cursor_of_another_run_is_named(event_ids: list[str]) -> None:
    text = str(Cursor(OTHER_RUN_ID).with_events(event_ids))
    with pytest.raises(CursorError, match="another run"):
        Cursor.parse(text, RUN_ID)


@given(EVENT_IDS, st.data())
def test_a_cursor_that_was_cut_is_named(event_ids: list[str], data: st.DataObject) -> None:
    text = str(Cursor(RUN_ID).with_events(event_ids))
    kept = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(CursorError):
        Cursor.parse(text[:kept], RUN_ID)


@given(EVENT_IDS, st.data())
def test_a_cursor_with_a_wrong_letter_is_named(event_ids: list[str], data: st.DataObject) -> None:
    text = str(Cursor(RUN_ID).with_events(event_ids))
    # The last letter may hold bits that mean nothing.
    at = data.draw(st.integers(0, len(text) - 2))
    letter = data.draw(st.sampled_from([one for one in string.ascii_letters if one != text[at]]))
    with pytest.raises(CursorError):
        Cursor.parse(text[:at] + letter + text[at + 1 :], RUN_ID)


def test_a_cursor_of_another_version_is_named() -> None:
    data = bytes([9]) + base64.urlsafe_b64decode(str(Cursor(RUN_ID)) + "==")[1:]
    with pytest.raises(CursorError, match="this version"):
        Cursor.parse(base64.urlsafe_b64encode(data).decode(), RUN_ID)


@given(st.text(min_size=1))
def test_any_other_text_is_named(text: str) -> None:
    with pytest.raises(CursorError):
        Cursor.parse(text, RUN_ID)
