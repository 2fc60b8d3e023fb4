import traceback
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from mogplex_mcp.api.body_limit import MAX_BODY_BYTES
from mogplex_mcp.api.errors import ErrorCode, MogplexError

from .support import BASE_URL, TOKEN, Bench, Network, ok, refused

pytestmark = pytest.mark.anyio

LOST = httpx2.RemoteProtocolError("Server disconnected without sending a response.")
GONE = httpx2.ConnectError("All connection attempts failed")
HTML = httpx2.Response(502, html="<title>Bad Gateway</title>")


async def failure(bench: Bench, method: str = "GET", path: str = "/repos", **options: Any) -> MogplexError:
    with pytest.raises(MogplexError) as caught:
        await bench.http.request(method, path, **options)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error.__cause__) + repr(bench.http)
    assert TOKEN.value not in shown
    return error


async def test_a_request_carries_the_token_the_key_and_the_body_to_the_configured_base() -> None:
    network = Network(ok(run={"runId": "r"}))
    data = await Bench(network).http.request(
        "POST", "/runs", query={"a": "x y&z", "b": 2}, body={"prompt": "é"}, idempotency_key="key-1"
    )
    assert data == {"run": {"runId": "r"}}
    request = network.requests[0]
    assert str(request.url) == f"{BASE_URL}/runs?a=x+y%26z&b=2"
    assert request.headers["authorization"] == f"Bearer {TOKEN.value}"
    assert request.headers["idempotency-key"] == "key-1"
    assert request.headers["accept"] == "application/json"
    assert request.headers["content-type"] == "application/json"
    assert "origin" not in request.headers
    assert request.content == '{"prompt":"é"}'.encode()


async def test_a_request_without_a_body_sends_none() -> None:
    network = Network(ok())
    await Bench(network).http.request("POST", "/runs/x/cancel")
    assert network.requests[0].content == b""
    assert "content-type" not in network.requests[0].headers


async def test_without_a_token_nothing_is_sent_or_spent() -> None:
    network = Network(ok())
    bench = Bench(network, token=None)
    assert (await failure(bench)).code is ErrorCode.NO_TOKEN
    assert (network.requests, bench.budget.spent) == ([], [])


@pytest.mark.parametrize(
    "options",
    [
        {"idempotency_key": ""},
        {"idempotency_key": "a b"},
        {"idempotency_key": "x\r\nEvil: 1"},
        {"idempotency_key": "k" * 201},
        {"body": {"prompt": "a\0b"}},
        {"query": {"q": "\0"}},
        {"body": {"prompt": "\ud83d"}},
        {"query": {"q": "\ud83d"}},
        {"body": {"x": float("nan")}},
        {"body": {"x": object()}},
        {"query": {"q": "q" * 100_000}},
    ],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is_spent(options: dict[str, Any]) -> None:
    bench = Bench(Network(ok()))
    error = await failure(bench, "POST", "/runs", **options)
    assert error.code is ErrorCode.INVALID_ARGUMENT
    assert bench.budget.spent == []


async def test_each_try_spends_a_unit_of_the_budget() -> None:
    bench = Bench(Network(LOST, HTML, ok()))
    await bench.http.request("GET", "/repos", watching=True)
    assert bench.budget.spent == [(1, True)] * 3


@pytest.mark.parametrize("fault", [LOST, GONE, HTML, refused(503, "SERVICE_UNAVAILABLE"), httpx2.ReadError("reset")])
@pytest.mark.parametrize(("method", "key"), [("GET", None), ("POST", "key-1")])
async def test_what_is_safe_is_tried_three_times(
    fault: httpx2.Response | Exception, method: str, key: str | None
) -> None:
    network = Network(fault)
    await failure(Bench(network), method, "/runs", idempotency_key=key)
    assert len(network.requests) == 3
    assert len({request.headers.get("idempotency-key") for request in network.requests}) == 1


@pytest.mark.parametrize("fault", [LOST, GONE, HTML, refused(503, "X"), refused(429, "X", retry_after="0")])
@pytest.mark.parametrize(("method", "key"), [("POST", None), ("PUT", None), ("DELETE", None), ("PUT", "key-1")])
async def test_what_may_not_be_sent_twice_is_sent_once(
    fault: httpx2.Response | Exception, method: str, key: str | None
) -> None:
    network = Network(fault)
    await failure(Bench(network), method, "/runs", idempotency_key=key)
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        refused(500, "INTERNAL_ERROR"),
        refused(501, "SERVICE_UNAVAILABLE"),
        refused(503, "SERVICE_UNAVAILABLE", "External Mogplex run rate limit unavailable", retry_after="0"),
        refused(404, "NOT_FOUND"),
        refused(409, "IDEMPOTENCY_CONFLICT"),
        refused(401, "UNAUTHORIZED"),
        httpx2.Response(200, text="hello"),
        httpx2.Response(307, headers={"location": "/login"}),
    ],
)
async def test_what_a_repeat_cannot_mend_is_not_repeated(answer: httpx2.Response) -> None:
    network = Network(answer)
    await failure(Bench(network), "POST", "/runs", idempotency_key="key-1")
    assert len(network.requests) == 1


async def test_a_get_that_stopped_answering_is_repeated_and_a_keyed_post_is_not() -> None:
    silent = httpx2.ReadTimeout("")
    network = Network(silent, ok(a=1))
    assert await Bench(network).http.request("GET", "/repos") == {"a": 1}
    network = Network(silent, ok(a=1))
    error = await failure(Bench(network), "POST", "/runs", idempotency_key="key-1")
    assert (error.code, error.may_have_happened, len(network.requests)) == (ErrorCode.TIMED_OUT, True, 1)


async def test_pauses_grow_and_a_lost_idle_connection_is_replaced_at_once() -> None:
    bench = Bench(Network(LOST, LOST, ok()))
    await bench.http.request("GET", "/repos")
    assert bench.sleeps == [0.0, 1.0]
    bench = Bench(Network(GONE, GONE, ok()))
    await bench.http.request("GET", "/repos")
    assert bench.sleeps == [0.5, 1.0]


async def test_a_retry_after_that_fits_the_deadline_is_honoured_and_the_budget_pauses() -> None:
    bench = Bench(Network(refused(429, "RATE_LIMITED", retry_after="7"), ok(a=1)))
    assert await bench.http.request("GET", "/repos") == {"a": 1}
    assert (bench.sleeps, bench.budget.pauses) == ([7.0], [7.0])


async def test_a_retry_after_beyond_the_deadline_is_told_at_once() -> None:
    network = Network(refused(429, "RATE_LIMITED", retry_after="60"))
    bench = Bench(network)
    error = await failure(bench, timeout=25)
    assert (error.code, error.retry_after, error.status) == (ErrorCode.RATE_LIMITED, 60, 429)
    assert (len(network.requests), bench.sleeps, bench.budget.pauses) == (1, [], [60.0])


async def test_the_budget_never_pauses_longer_than_the_window_of_the_rate_limit() -> None:
    bench = Bench(Network(refused(429, "RATE_LIMITED", retry_after="50400")))
    assert (await failure(bench)).retry_after == 50_400
    assert bench.budget.pauses == [60.0]


async def test_a_spent_quota_of_run_starts_does_not_pause_other_requests() -> None:
    answer = refused(429, "RATE_LIMITED", "External Mogplex run rate limit exceeded", retry_after="1800")
    bench = Bench(Network(answer))
    error = await failure(bench, "POST", "/runs", idempotency_key="key-1")
    assert (error.code, error.retry_after) == (ErrorCode.RATE_LIMITED, 1800)
    assert bench.budget.pauses == []


async def test_a_fault_of_an_earlier_try_is_not_forgotten_by_a_later_one() -> None:
    for last in (GONE, refused(401, "UNAUTHORIZED"), refused(409, "IDEMPOTENCY_CONFLICT")):
        error = await failure(Bench(Network(LOST, last)), "POST", "/runs", idempotency_key="key-1")
        assert error.may_have_happened


@pytest.mark.parametrize(
    ("came", "code", "perhaps"),
    [
        (GONE, ErrorCode.UNREACHABLE, False),
        (httpx2.ConnectTimeout(""), ErrorCode.UNREACHABLE, False),
        (httpx2.ProxyError("403 Forbidden"), ErrorCode.UNREACHABLE, False),
        (httpx2.PoolTimeout(""), ErrorCode.TIMED_OUT, False),
        (httpx2.ReadTimeout(""), ErrorCode.TIMED_OUT, True),
        (httpx2.WriteTimeout(""), ErrorCode.TIMED_OUT, True),
        (LOST, ErrorCode.CONNECTION_LOST, True),
        (httpx2.ReadError(""), ErrorCode.CONNECTION_LOST, True),
        (httpx2.WriteError(""), ErrorCode.CONNECTION_LOST, True),
        (
            httpx2.Response(200, stream=httpx2.ByteStream(b"no gzip"), headers={"content-encoding": "gzip"}),
            ErrorCode.UNEXPECTED_ANSWER,
            True,
        ),
        (refused(500, "INTERNAL_ERROR"), ErrorCode.INTERNAL_ERROR, True),
        (refused(503, "X", "External Mogplex run rate limit unavailable"), ErrorCode.SERVICE_UNAVAILABLE, False),
        (refused(501, "X"), ErrorCode.NOT_SUPPORTED, False),
        (refused(400, "BAD_REQUEST"), ErrorCode.BAD_REQUEST, False),
        (httpx2.Response(202, text="accepted"), ErrorCode.UNEXPECTED_ANSWER, True),
        (httpx2.Response(504, html="late"), ErrorCode.UNEXPECTED_ANSWER, True),
        (httpx2.Response(413, html="big"), ErrorCode.BAD_REQUEST, False),
        (httpx2.Response(308, headers={"location": "https://x.test"}), ErrorCode.REDIRECTED, False),
    ],
)
async def test_a_write_says_whether_it_may_have_happened_and_a_read_never_does(
    came: httpx2.Response | Exception, code: ErrorCode, perhaps: bool
) -> None:
    error = await failure(Bench(Network(came)), "POST", "/sandboxes")
    assert (error.code, error.may_have_happened) == (code, perhaps)
    error = await failure(Bench(Network(came)), "GET", "/sandboxes")
    assert (error.code, error.may_have_happened) == (code, False)


async def _never(request: httpx2.Request) -> httpx2.Response:
    await anyio.sleep_forever()
    raise AssertionError(request)


@pytest.mark.parametrize(("method", "perhaps"), [("GET", False), ("POST", True)])
async def test_the_deadline_ends_a_request_under_way(method: str, perhaps: bool) -> None:
    error = await failure(Bench(_never), method, "/runs", timeout=0.0099999999)
    assert (error.code, error.may_have_happened) == (ErrorCode.TIMED_OUT, perhaps)
    assert "mogplex.test did not answer within 0.01 seconds" in error.message


async def test_the_deadline_includes_the_wait_for_the_budget_and_then_nothing_happened() -> None:
    network = Network(ok())
    bench = Bench(network)

    async def spend(units: int, *, watching: bool) -> None:
        await anyio.sleep_forever()
        raise AssertionError((units, watching))

    bench.budget.spend = spend  # type: ignore[method-assign] # a budget that never has room
    error = await failure(bench, "POST", "/runs", timeout=0.01)
    assert (error.code, error.may_have_happened, network.requests) == (ErrorCode.TIMED_OUT, False, [])


async def test_a_pause_that_does_not_fit_the_deadline_is_not_begun() -> None:
    bench = Bench(Network(GONE))
    error = await failure(bench, timeout=0.4)
    assert (error.code, bench.sleeps) == (ErrorCode.UNREACHABLE, [])


async def test_deadline_of_caller_applies_too() -> None:
    bench = Bench(Network(GONE))
    with anyio.move_on_after(0.4):
        assert (await failure(bench, timeout=60)).code is ErrorCode.UNREACHABLE
    assert bench.sleeps == []


async def test_an_exhausted_budget_is_told_as_it_is() -> None:
    network = Network(ok())
    bench = Bench(network)

    async def spend(units: int, *, watching: bool) -> None:
        raise MogplexError(ErrorCode.BUDGET_EXHAUSTED, f"no room for {units} {watching}", retry_after=12)

    bench.budget.spend = spend  # type: ignore[method-assign] # a budget that never has room
    error = await failure(bench)
    assert (error.code, error.retry_after, network.requests) == (ErrorCode.BUDGET_EXHAUSTED, 12, [])


async def test_cancelling_a_request_is_not_turned_into_an_error() -> None:
    raised = []

    async def request() -> None:
        try:
            await Bench(_never).http.request("GET", "/repos")
        except BaseException as error:
            raised.append(type(error))
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(request)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert raised == [anyio.get_cancelled_exc_class()]


async def test_an_error_of_our_own_making_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await Bench(Network(ZeroDivisionError())).http.request("GET", "/repos")


async def test_a_redirect_is_never_followed_and_its_target_never_sees_the_token() -> None:
    network = Network(httpx2.Response(308, headers={"location": "https://elsewhere.test/api/v1/mogplex/repos"}))
    error = await failure(Bench(network))
    assert error.code is ErrorCode.REDIRECTED
    assert "mogplex.test redirects to elsewhere.test (status 308)" in error.message
    assert [request.url.host for request in network.requests] == ["mogplex.test"]


async def test_a_redirect_to_an_unreadable_address_is_a_redirect_all_the_same() -> None:
    network = Network(httpx2.Response(302, headers={"location": "https://[bad"}))
    error = await failure(Bench(network))
    assert (error.code, len(network.requests)) == (ErrorCode.REDIRECTED, 1)


async def test_the_login_page_means_that_the_token_did_not_arrive() -> None:
    error = await failure(Bench(Network(httpx2.Response(307, headers={"location": "/login?next=%2Fapi"}))))
    assert "not accepted as a Bearer token" in error.message


@pytest.mark.parametrize("blocking", [False, True])
async def test_only_a_blocking_route_may_be_silent_for_the_whole_time(blocking: bool) -> None:
    network = Network(ok())
    await Bench(network).http.request("GET", "/x", timeout=90, blocking=blocking)
    assert network.requests[0].extensions["timeout"]["read"] == pytest.approx(90 if blocking else 20, abs=0.2)


def _large(size: int) -> Callable[[httpx2.Request], httpx2.Response]:
    import gzip  # noqa: PLC0415 - for one test only

    body = gzip.compress(b'{"ok":true,"data":{"a":"' + b"x" * size + b'"}}')
    return lambda request: httpx2.Response(
        200, content=body, headers={"content-type": "application/json", "content-encoding": "gzip"}, request=request
    )


async def test_an_answer_is_limited_after_decompression() -> None:
    small, large = _large(1_000_000), _large(MAX_BODY_BYTES)

    async def answer(request: httpx2.Request) -> httpx2.Response:
        return (large if "large" in str(request.url) else small)(request)

    bench = Bench(answer)
    assert len((await bench.http.request("GET", "/small"))["a"]) == 1_000_000
    error = await failure(bench, "GET", "/large")
    assert error.code is ErrorCode.UNEXPECTED_ANSWER
    assert "over 20 MB" in error.message


async def test_an_answer_in_a_coding_that_was_not_asked_for_is_refused_unread() -> None:
    network = Network(
        httpx2.Response(200, stream=httpx2.ByteStream(b"bomb"), headers={"content-encoding": "gzip, gzip"})
    )
    assert (await failure(Bench(network))).code is ErrorCode.UNEXPECTED_ANSWER


async def test_a_service_that_repeats_the_token_does_not_get_it_shown() -> None:
    error = await failure(Bench(Network(refused(400, "BAD_REQUEST", f"bad token {TOKEN.value}"))))
    assert error.message == "bad token [secret removed]"
