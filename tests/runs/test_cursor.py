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
def test_cursor_round_trips(event_ids: list[str]) -> None:
    cursor = Cursor(RUN_ID).with_events(event_ids)
    again = Cursor.parse(str(cursor), RUN_ID)
    assert again == cursor
    assert all(again.has_seen(event_id) for event_id in event_ids)


@given(EVENT_IDS, EVENT_IDS)
def test_cursor_has_not_seen_other_events(shown: list[str], others: list[str]) -> None:
    cursor = Cursor.parse(str(Cursor(RUN_ID).with_events(shown)), RUN_ID)
    assert not any(cursor.has_seen(event_id) for event_id in set(others) - set(shown))


@given(EVENT_IDS)
def test_cursor_ignores_order_of_events(event_ids: list[str]) -> None:
    forwards, backwards = Cursor(RUN_ID).with_events(event_ids), Cursor(RUN_ID)
    for event_id in reversed(event_ids):
        backwards = backwards.with_events([event_id])
    assert str(forwards) == str(backwards)


def test_cursor_of_full_window_fits_argument() -> None:
    assert len(str(Cursor(RUN_ID).with_events(map(str, range(250))))) < 2_000


def test_cursor_parses_empty_text_as_nothing_seen() -> None:
    assert Cursor.parse("", RUN_ID) == Cursor(RUN_ID)


@given(EVENT_IDS)
def test_cursor_reports_other_run(event_ids: list[str]) -> None:
    text = str(Cursor(OTHER_RUN_ID).with_events(event_ids))
    with pytest.raises(CursorError, match="another run"):
        Cursor.parse(text, RUN_ID)


@given(EVENT_IDS, st.data())
def test_cursor_reports_truncation(event_ids: list[str], data: st.DataObject) -> None:
    text = str(Cursor(RUN_ID).with_events(event_ids))
    kept = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(CursorError):
        Cursor.parse(text[:kept], RUN_ID)


@given(EVENT_IDS, st.data())
def test_cursor_reports_changed_character(event_ids: list[str], data: st.DataObject) -> None:
    text = str(Cursor(RUN_ID).with_events(event_ids))
    # The last letter may hold bits that mean nothing.
    at = data.draw(st.integers(0, len(text) - 2))
    letter = data.draw(st.sampled_from([one for one in string.ascii_letters if one != text[at]]))
    with pytest.raises(CursorError):
        Cursor.parse(text[:at] + letter + text[at + 1 :], RUN_ID)


def test_cursor_reports_other_version() -> None:
    data = bytes([9]) + base64.urlsafe_b64decode(str(Cursor(RUN_ID)) + "==")[1:]
    with pytest.raises(CursorError, match="this version"):
        Cursor.parse(base64.urlsafe_b64encode(data).decode(), RUN_ID)


@given(st.text(min_size=1))
def test_cursor_reports_any_other_text(text: str) -> None:
    with pytest.raises(CursorError):
        Cursor.parse(text, RUN_ID)
