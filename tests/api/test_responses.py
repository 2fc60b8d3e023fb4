import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.responses import ApiResponse, read_envelope, read_retry_after

from .support import BASE_URL, TOKEN


def answer(
    status: int,
    body: str | bytes,
    content_type: str = "application/json",
    location: str = "",
    retry: float | None = None,
) -> ApiResponse:
    raw = body.encode() if isinstance(body, str) else body
    return ApiResponse(f"{BASE_URL}/repos", status, content_type, location, retry, raw)


def refusal(given_answer: ApiResponse) -> MogplexError:
    with pytest.raises(MogplexError) as caught:
        read_envelope(given_answer)
    assert caught.value.message.isprintable()
    assert caught.value.status == given_answer.status
    return caught.value


def said(status: int, code: str, message: str = "said so", retry: float | None = None) -> MogplexError:
    body = f'{{"ok":false,"error":{{"code":"{code}","message":"{message}"}}}}'
    return refusal(answer(status, body, retry=retry))


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (400, "BAD_REQUEST", ErrorCode.BAD_REQUEST),
        (401, "UNAUTHORIZED", ErrorCode.UNAUTHORIZED),
        (403, "FORBIDDEN", ErrorCode.FORBIDDEN),
        (403, "CONFLICT", ErrorCode.BILLING),
        (402, "SOMETHING_NEW", ErrorCode.BILLING),
        (404, "NOT_FOUND", ErrorCode.NOT_FOUND),
        (404, "BAD_REQUEST", ErrorCode.NOT_FOUND),
        (409, "CONFLICT", ErrorCode.CONFLICT),
        (409, "IDEMPOTENCY_CONFLICT", ErrorCode.IDEMPOTENCY_CONFLICT),
        (409, "SOMETHING_NEW", ErrorCode.CONFLICT),
        (422, "SOMETHING_NEW", ErrorCode.BAD_REQUEST),
        (429, "RATE_LIMITED", ErrorCode.RATE_LIMITED),
        (500, "INTERNAL_ERROR", ErrorCode.INTERNAL_ERROR),
        (501, "SERVICE_UNAVAILABLE", ErrorCode.NOT_SUPPORTED),
        (502, "SERVICE_UNAVAILABLE", ErrorCode.SERVICE_UNAVAILABLE),
        (503, "SERVICE_UNAVAILABLE", ErrorCode.SERVICE_UNAVAILABLE),
        (503, "SOMETHING_NEW", ErrorCode.SERVICE_UNAVAILABLE),
        (599, "SOMETHING_NEW", ErrorCode.INTERNAL_ERROR),
        (200, "NOT_FOUND", ErrorCode.NOT_FOUND),
    ],
)
def test_an_error_has_the_name_that_callers_can_act_on(status: int, code: str, meaning: ErrorCode) -> None:
    error = said(status, code)
    assert error.code is meaning
    assert error.message == "said so"


@pytest.mark.parametrize(
    "body", ['{"ok":false}', '{"ok":false,"error":null}', '{"ok":false,"error":{"code":7,"message":[]}}']
)
def test_an_error_without_a_reason_is_named_by_its_status(body: str) -> None:
    error = refusal(answer(404, body))
    assert (error.code, error.message) == (ErrorCode.NOT_FOUND, "Mogplex gave no reason (status 404)")


def test_what_the_service_says_is_one_clean_line_without_tokens() -> None:
    error = said(400, "BAD_REQUEST", rf"a\nb \u001b[31m{TOKEN.value}\u0000" + "x" * 1000)
    assert error.message.startswith("a b [secret removed]")
    assert len(error.message) <= 300
    assert TOKEN.value not in error.message


def test_the_503_about_the_run_limiter_says_that_the_repo_is_unknown_and_not_when_to_retry() -> None:
    error = said(503, "SERVICE_UNAVAILABLE", "External Mogplex run rate limit unavailable", retry=60)
    assert error.code is ErrorCode.SERVICE_UNAVAILABLE
    assert "check the repo id" in error.message
    assert error.retry_after is None
    assert not error.may_have_happened


def test_a_rate_limit_without_a_header_lasts_a_minute() -> None:
    assert said(429, "RATE_LIMITED").retry_after == 60
    assert said(429, "RATE_LIMITED", retry=1800).retry_after == 1800


@pytest.mark.parametrize(("status", "perhaps"), [(400, False), (404, False), (429, False), (500, True), (501, False)])
def test_only_a_5xx_leaves_open_whether_it_happened(status: int, perhaps: bool) -> None:
    assert said(status, "WHATEVER").may_have_happened is perhaps


@pytest.mark.parametrize(
    ("came", "words"),
    [
        (
            answer(502, "<html><head><title>Bad\n &amp; Gateway</title>", "text/html"),
            ["an HTML page (title: Bad & Gateway, ", "status 502", "mogplex.test"],
        ),
        (answer(404, "<p>no title</p>", "text/html"), ["an HTML page (15 bytes)"]),
        (answer(405, b"", ""), ["an empty answer", "405"]),
        (answer(200, b"\x89PNG\x00\x01", "image/png"), ["image/png (6 bytes)"]),
        (answer(200, "{", "application/json"), ["JSON", "cannot be read"]),
        (answer(200, b'{"ok":true,"data":{"a":"\xff"}}'), ["cannot be read"]),
        (answer(200, "[" * 100_000), ["cannot be read"]),
        (answer(200, '{"ok":true,"data":{"a":NaN}}'), ["cannot be read"]),
        (answer(200, '{"ok":true,"data":{"a":' + "9" * 5000 + "}}"), ["cannot be read"]),
        (answer(200, "null"), ["without an envelope"]),
        (answer(200, '{"ok":true}'), ["without an envelope"]),
        (answer(200, '{"ok":true,"data":[]}'), ["without an envelope"]),
        (answer(200, '{"ok":"true","data":{}}'), ["without an envelope"]),
        (answer(500, '{"ok":true,"data":{}}'), ["without an envelope", "500"]),
        (answer(204, b"", ""), ["an empty answer"]),
        (answer(304, b"", ""), ["an empty answer", "304"]),
    ],
)
def test_what_is_no_envelope_is_described(came: ApiResponse, words: list[str]) -> None:
    error = refusal(came)
    assert error.code is ErrorCode.UNEXPECTED_ANSWER
    for word in words:
        assert word in error.message


@pytest.mark.parametrize(
    ("came", "words"),
    [
        (answer(500, "Internal Server Error", "text/plain"), ["text/plain", '"Internal Server Error"', "21 bytes"]),
        (answer(500, b"", ""), ["an empty answer", "500"]),
    ],
)
def test_uncaught_error_of_mogplex_is_not_blamed_on_the_network(came: ApiResponse, words: list[str]) -> None:
    error = refusal(came)
    assert (error.code, error.may_have_happened) == (ErrorCode.INTERNAL_ERROR, True)
    assert error.message.startswith("mogplex.test failed without a reason")
    for word in words:
        assert word in error.message


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (407, ErrorCode.UNREACHABLE, "A proxy before mogplex.test asks for a user name and password (status 407)."),
        (413, ErrorCode.BAD_REQUEST, "does not accept a request of this size"),
        (414, ErrorCode.BAD_REQUEST, "does not accept an address of this length"),
        (431, ErrorCode.BAD_REQUEST, "does not accept headers of this size"),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>mog_secret", b"{}"])
def test_refusal_of_a_proxy_or_server_says_what_it_refuses(
    *, status: int, code: ErrorCode, words: str, body: bytes
) -> None:
    with pytest.raises(MogplexError) as caught:
        read_envelope(answer(status, body, "text/html"))
    assert (caught.value.code, caught.value.may_have_happened) == (code, False)
    assert words in caught.value.message
    assert caught.value.blame is (Blame.PROXY if status == 407 else None)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<title>" * 3_000, "an HTML page (21000 bytes)"),
        ("<title " * 3_000, "an HTML page (21000 bytes)"),
        ("<TITLE lang=en>One</TITLE><title>Two</title>", "title: One,"),
        ("<title></title>", "an HTML page (15 bytes)"),
    ],
    ids=["unclosed", "unfinished", "two", "empty"],
)
def test_title_of_a_page_is_found_in_linear_time(page: str, words: str) -> None:
    began = time.process_time()
    assert words in refusal(answer(502, page, "text/html")).message
    assert time.process_time() - began < 0.1


def test_a_page_in_place_of_an_envelope_shows_at_most_120_characters_and_no_token() -> None:
    error = refusal(answer(500, f"{TOKEN.value} " + "y" * 5000, "text/plain"))
    assert "[secret removed]" in error.message
    assert TOKEN.value not in error.message
    assert error.message.count("y") < 130


def test_a_bare_429_of_a_proxy_still_means_rate_limited() -> None:
    error = refusal(answer(429, "slow down", "text/plain"))
    assert (error.code, error.retry_after) == (ErrorCode.RATE_LIMITED, 60)


@pytest.mark.parametrize(
    ("status", "location", "words"),
    [
        (307, "/login?next=%2Fapi", ["mogplex.test redirects to mogplex.test", "not accepted as a Bearer token"]),
        (308, "https://mogplex.example/api?secret=1", ["redirects to mogplex.example (status 308)", "not followed"]),
        (302, "http://[", ["an unreadable address"]),
    ],
)
def test_a_redirect_says_from_which_host_to_which(status: int, location: str, words: list[str]) -> None:
    error = refusal(answer(status, b"", "", location=location))
    assert error.code is ErrorCode.REDIRECTED
    assert "secret" not in error.message
    for word in words:
        assert word in error.message


def test_half_an_emoji_in_an_answer_is_replaced_so_that_it_can_be_written_out_again() -> None:
    data = read_envelope(answer(200, r'{"ok":true,"data":{"cut":"ab\ud83d","whole":"\ud83d\ude00","plain":"\\ud83d"}}'))
    assert data == {"cut": "ab?", "whole": "\U0001f600", "plain": r"\ud83d"}


NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("60", 60.0),
        (" 1.5 ", 1.5),
        ("50400", 50_400.0),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60.0),
        ("Sun, 22 Nov 2026 12:01:00 -0000", 60.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("inf", None),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert read_retry_after(header, NOW) == seconds


def test_retry_after_that_is_very_long_is_none() -> None:
    for header in ("9" * 100_000, "Sun, " * 20_000):
        assert read_retry_after(header, NOW) is None


@given(st.text())
def test_no_retry_after_header_raises(header: str) -> None:
    seconds = read_retry_after(header)
    assert seconds is None or seconds >= 0


@given(st.integers(200, 599), st.binary(max_size=200), st.sampled_from(["application/json", "text/html", "", "x/y"]))
def test_any_bytes_are_data_or_a_named_error(status: int, body: bytes, content_type: str) -> None:
    try:
        assert isinstance(read_envelope(answer(status, body, content_type)), dict)
    except MogplexError as error:
        assert error.message.isprintable()  # noqa: PT017 - most bytes raise, which is half of the promise
