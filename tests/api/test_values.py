import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import Token, check_uuid
from mogplex_mcp.api.text import one_line

from .support import RUN_ID

VALUE = "mog_0123456789abcdefghijABCDEFGHIJxy"


@pytest.mark.parametrize("text", [VALUE, f"  {VALUE}\n", f'"{VALUE}"', f" ' {VALUE} ' ", f"`{VALUE}`"])
def test_token_is_parsed_from_pasted_text(text: str) -> None:
    assert Token.parse(text).value == VALUE


@pytest.mark.parametrize(
    "text", ["", "mog_", VALUE[:-1], VALUE + "z", VALUE.replace("0", "-"), f"Bearer {VALUE}", VALUE[:-1] + "é", "sk-1"]
)
def test_malformed_token_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(MogplexError) as caught:
        Token.parse(text)
    assert caught.value.code is ErrorCode.MALFORMED_TOKEN
    assert VALUE[4:20] not in caught.value.message
    assert not text.strip() or text.strip() not in caught.value.message or text == "mog_"


def test_token_repr_hides_value() -> None:
    token = Token.parse(VALUE)
    assert repr(token) == str(token) == f"{token}" == "Token(mog_…)"
    assert "0123" not in repr([token])
    assert pickle.loads(pickle.dumps(token)) == token  # noqa: S301 - our own bytes


@pytest.mark.parametrize("text", [RUN_ID, RUN_ID.upper(), RUN_ID.replace("-", ""), f" {RUN_ID}\n"])
def test_check_uuid_returns_canonical_form(text: str) -> None:
    assert check_uuid(text, "run_id") == RUN_ID


@pytest.mark.parametrize("text", ["", "abc", f"{{{RUN_ID}}}", f"urn:uuid:{RUN_ID}", RUN_ID + "\n0", "../repos", VALUE])
def test_check_uuid_names_invalid_argument(text: str) -> None:
    with pytest.raises(MogplexError, match="run_id must be a Mogplex run id") as caught:
        check_uuid(text, "run_id")
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert VALUE not in caught.value.message


@given(st.text())
def test_check_uuid_accepts_or_refuses_any_text_on_one_line(text: str) -> None:
    try:
        assert len(check_uuid(text, "repo_id")) == len(RUN_ID)
    except MogplexError as error:
        assert error.message.isprintable()  # noqa: PT017 - most texts raise, which is half of the promise


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand  blanks", "two lines and blanks"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07text", "red text"),
        ("bidi\u202eover\u200bzero\ufeff", "bidioverzero"),
        ("tags\U000e0041", "tags"),
        (f"your token {VALUE}!", "your token mog_…!"),
        (f"hidden mog_0123\u200b{VALUE[8:]}", "hidden mog_…"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_one_line_sanitizes_untrusted_text(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text(), st.integers(2, 50))
def test_one_line_returns_printable_line_within_limit(text: str, limit: int) -> None:
    shown = one_line(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
