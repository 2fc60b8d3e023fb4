"""What goes over a connection, by where it leads."""

import ssl

import pytest

from mogplex_mcp.api.connection import Request
from mogplex_mcp.api.origin import Origin

URL = "https://mogplex.test/api/v1/mogplex"
LOCAL = "http://127.0.0.1:3000/api/v1/mogplex"


def origin(base_url: str, proxy: str | None = None) -> Origin:
    return Origin(base_url, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), proxy)


def request(url: str, method: str = "GET", content: bytes | None = None) -> Request:
    return Request(method, url, {"Authorization": "Bearer x"}, content, 20.0)


def test_a_request_is_written_with_all_of_its_headers() -> None:
    written = origin(URL).written(request(f"{URL}/repos?limit=1"))
    assert written == (
        b"GET /api/v1/mogplex/repos?limit=1 HTTP/1.1\r\nHost: mogplex.test\r\nAuthorization: Bearer x\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("content", "tail"), [(b"{}", b"Content-Length: 2\r\n\r\n{}"), (None, b"Content-Length: 0\r\n\r\n")]
)
def test_what_changes_something_tells_the_length_of_its_body(content: bytes | None, tail: bytes) -> None:
    assert origin(URL).written(request(f"{URL}/runs", "POST", content)).endswith(b"\r\n" + tail)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/api/v1/mogplex/repos",
        "https://mogplex.test.evil.test/repos",
        "https://mogplex.test:8443/repos",
        "http://mogplex.test/repos",
        "https://mogplex.test@evil.test/repos",
    ],
)
def test_a_request_to_any_other_origin_is_never_written(url: str) -> None:
    with pytest.raises(ValueError, match="another origin"):
        origin(URL).written(request(url))


def test_a_proxy_without_a_tunnel_is_told_where_to_and_who_asks() -> None:
    written = origin(LOCAL, "http://eve:p%40ss@proxy.test:8080").written(request(f"{LOCAL}/repos"))
    assert written.startswith(
        b"GET http://127.0.0.1:3000/api/v1/mogplex/repos HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n"
        b"Proxy-Authorization: Basic ZXZlOnBAc3M=\r\n"
    )


def test_through_a_tunnel_the_origin_learns_nothing_of_the_proxy() -> None:
    proxied = origin(URL, "http://eve:p%40ss@proxy.test:8080").written(request(f"{URL}/repos"))
    assert proxied == origin(URL).written(request(f"{URL}/repos"))


@pytest.mark.parametrize("proxy", ["socks5://x:1", "http://", "http://x:99999", "http://x:nine"])
def test_there_is_no_origin_behind_a_proxy_that_cannot_be(proxy: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        origin(URL, proxy)
