"""Network checks of `doctor`: each step that can fail has its own finding with advice."""

import datetime as dt
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mogplex_mcp.api import transport
from mogplex_mcp.api.base_url import normalise_base_url
from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.diagnosis import network, versions
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject, error_finding
from mogplex_mcp.diagnosis.network import check_way
from mogplex_mcp.diagnosis.versions import check_release, release_finding
from mogplex_mcp.tenants.services import Services

pytestmark = pytest.mark.anyio
LOGIN = {"location": "/login"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def examined(url: str) -> dict[str, Finding]:
    settings = Settings(base_url=normalise_base_url(url))
    services = Services(settings)
    try:
        return {one.name: one for one in await check_way(Subject(settings, services, FoundToken(None, "nowhere")))}
    finally:
        await services.aclose()


class Answering(ThreadingHTTPServer):
    """A server that gives every request the same response, and records the requests."""

    def __init__(self, status: int, headers: Mapping[str, str], *, date: str = "", body: bytes = b"{}") -> None:
        self.asked: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append(dict(self.headers.items()))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return date or super().date_time_string(timestamp)

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def servers() -> Iterator[list[HTTPServer]]:
    """Servers that are stopped when the test is over."""
    started: list[HTTPServer] = []
    yield started
    for server in started:
        server.shutdown()
        server.server_close()


def serve(servers: list[HTTPServer], server: Answering, certificate: Path | None = None) -> str:
    """The address of a server that answers from now on."""
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    servers.append(server)
    return f"{'https' if certificate else 'http'}://localhost:{server.server_port}"


def certificate(folder: Path, *, issuer: str, days: float) -> Path:
    """A certificate for localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, issuer)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What is trusted can be changed within a test."""
    transport._tls_context.cache_clear()
    yield monkeypatch
    transport._tls_context.cache_clear()


async def test_check_sends_no_token_and_measures_open_connections(servers: list[HTTPServer]) -> None:
    server = Answering(307, LOGIN)
    found = await examined(serve(servers, server))
    assert len(server.asked) == 1 + network.LATENCY_REQUESTS
    assert all("Authorization" not in headers for headers in server.asked)
    assert [found[name].status for name in ("dns", "tcp", "http", "latency", "clock")] == [Status.OK] * 5
    assert "(median of 3)" in found["latency"].fact


@pytest.mark.parametrize(
    ("status", "headers", "finding", "fact"),
    [
        (401, {}, Status.OK, "localhost answers."),
        (302, {"location": "https://portal.example/login"}, Status.FAILED, "sends everybody to portal.example."),
        (503, {}, Status.FAILED, "localhost answers 503."),
        (200, {}, Status.WARNING, "answers 200, as Mogplex does not"),
        (404, {}, Status.WARNING, "answers 404, as Mogplex does not"),
    ],
)
async def test_check_reports_a_response_that_is_not_of_mogplex(
    status: int, headers: dict[str, str], finding: Status, fact: str, servers: list[HTTPServer]
) -> None:
    found = await examined(serve(servers, Answering(status, headers)))
    assert found["http"].status is finding
    assert fact in found["http"].fact


@pytest.mark.parametrize(
    ("date", "status", "fact"),
    [
        ("Thu, 01 Jan 2026 00:00:00 GMT", Status.WARNING, "ahead (Mogplex says 2026-01-01 00:00:00Z)"),
        ("Fri, 01 Jan 2999 00:00:00 GMT", Status.WARNING, "behind"),
        ("yesterday", Status.SKIPPED, "no date"),
        ("Fri, 99 Jan 2999 99:00:00 GMT", Status.SKIPPED, "no date"),
    ],
)
async def test_check_reports_a_wrong_clock(date: str, status: Status, fact: str, servers: list[HTTPServer]) -> None:
    found = await examined(serve(servers, Answering(307, LOGIN, date=date)))
    assert found["clock"].status is status
    assert fact in found["clock"].fact


async def test_check_reports_an_unknown_host_as_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await examined("https://mogplex.invalid")
    assert list(found) == ["address", "proxy", "dns"]
    assert "mogplex.invalid was not found" in found["dns"].fact


async def test_check_reports_a_closed_port_as_tcp() -> None:
    found = await examined("http://127.0.0.1:9")
    assert list(found) == ["address", "proxy", "dns", "tcp"]
    assert "port 9 cannot be connected to" in found["tcp"].fact


async def test_check_times_out_on_a_silent_server(servers: list[HTTPServer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "ANSWER_SECONDS", 0.2)
    # It accepts connections and never responds.
    with Answering(307, LOGIN) as server:
        found = await examined(f"http://localhost:{server.server_port}")
    assert list(found)[-1] == "http"
    assert "did not answer within 0.2 seconds" in found["http"].fact


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="trust is not in a file there")
@pytest.mark.parametrize(
    ("issuer", "days", "status", "fact"),
    [
        ("Let's Encrypt", 60, Status.OK, "certificate by Let's Encrypt, good for 60 days"),
        ("Let's Encrypt", 3, Status.WARNING, "good for 3 days"),
        ("Zscaler Inc.", 60, Status.WARNING, "certificate by Zscaler Inc., good"),
        ("Evil\x1b[31m\u202eInc", 60, Status.OK, "certificate by EvilInc, good"),
    ],
)
async def test_check_reports_issuer_and_expiry_of_the_certificate(
    *, issuer: str, days: int, status: Status, fact: str, servers: list[HTTPServer], tmp_path: Path, trusted: Any
) -> None:
    file = certificate(tmp_path, issuer=issuer, days=days)
    trusted.setenv("SSL_CERT_FILE", str(file))
    found = await examined(serve(servers, Answering(307, LOGIN), file))
    assert found["tls"].status is status
    assert fact in found["tls"].fact
    assert found["tls"].fact.startswith("TLSv1.")


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="trust is not in a file there")
async def test_check_reports_an_untrusted_certificate_as_tls(
    servers: list[HTTPServer], tmp_path: Path, trusted: Any
) -> None:
    found = await examined(serve(servers, Answering(307, LOGIN), certificate(tmp_path, issuer="Nobody", days=9)))
    assert list(found)[-1] == "tls"
    assert found["tls"].status is Status.FAILED


async def test_check_connects_to_the_proxy_and_hides_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@127.0.0.1:9")
    found = await examined("https://mogplex.invalid")
    assert found["proxy"].fact == "127.0.0.1:9 (from HTTPS_PROXY)"
    assert "Check the proxy" in found["tcp"].advice
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("proxy", ["http://eve:hunter2@", "http://proxy:nine", "nonsense://proxy"])
async def test_check_reports_a_malformed_proxy(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    found = await examined("https://mogplex.invalid")
    assert list(found) == ["address", "proxy"]
    assert found["proxy"].status is Status.FAILED
    assert found["proxy"].fact.startswith("The proxy from all_proxy cannot be used")
    assert "hunter2" not in str(found)


async def test_check_reports_a_misspelt_proxy_as_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    found = await examined("https://mogplex.invalid")
    assert found["dns"].fact.startswith("The name proxy.invalid was not found")
    assert found["dns"].advice == "Check the proxy proxy.invalid:3128 (from HTTPS_PROXY)."


async def test_check_blames_a_silent_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "SILENCE_SECONDS", 0.1)
    # It accepts connections and never responds.
    with Answering(307, LOGIN) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
        found = await examined("https://mogplex.invalid")
    assert found["http"].fact.startswith("The proxy did not connect to mogplex.invalid: it did not answer in time.")
    assert f"127.0.0.1:{server.server_port} (from HTTPS_PROXY)" in found["http"].fact
    assert found["http"].advice == "Check the proxy."


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_check_warns_of_certificate_variables_without_effect(
    trusted: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    trusted.delenv("SSL_CERT_FILE", raising=False)
    trusted.delenv("SSL_CERT_DIR", raising=False)
    trusted.setenv(name, str(tmp_path))
    found = await examined("https://mogplex.invalid")
    assert found["certificates"].status is Status.WARNING
    assert found["certificates"].fact.startswith(f"{name} is ")
    assert "certificates" not in await examined("http://127.0.0.1:9")


async def test_check_release_with_a_malformed_proxy_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:nine")
    found = await released(monkeypatch, "https://pypi.invalid/json")
    assert found.status is Status.SKIPPED


@pytest.mark.parametrize("code", ErrorCode)
@pytest.mark.parametrize("blame", [None, *Blame])
def test_finding_of_an_error_advises_what_fits(code: ErrorCode, blame: Blame | None) -> None:
    found = error_finding("http", MogplexError(code, "said so", blame=blame))
    if blame is not None and code is not ErrorCode.UNAUTHORIZED:
        assert found.advice in ("Check the proxy.", "Check MOGPLEX_URL.")
    if code in (ErrorCode.NOT_SUPPORTED, ErrorCode.BILLING, ErrorCode.TLS_FAILED):
        assert "again" not in found.advice


async def test_check_respects_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "localhost")
    found = await examined("http://localhost:9")
    assert found["proxy"].fact == "None is used."


async def released(monkeypatch: pytest.MonkeyPatch, url: str, *, offline: bool = False) -> Finding:
    monkeypatch.setattr(versions, "RELEASES", url)
    (found,) = await check_release(Subject(Settings(), Services(Settings()), FoundToken(None, "nowhere"), offline))
    return found


@pytest.mark.parametrize(
    ("status", "body", "finding", "fact"),
    [
        (200, b'{"info": {"version": "999.1"}}', Status.WARNING, "999.1 is out."),
        (200, b'{"info": {"version": "0.0.1"}}', Status.OK, "is the latest"),
        (200, b'{"info": {"version": "\\u001b[31mnew"}}', Status.SKIPPED, "did not say"),
        (200, b'{"info": []}', Status.SKIPPED, "did not say"),
        (200, b"[" * 100_000, Status.SKIPPED, "did not say"),
        (404, b"{}", Status.SKIPPED, "mogplex-mcp is not published on pypi.org"),
        (500, b"", Status.SKIPPED, "did not say"),
    ],
)
async def test_check_release_compares_with_the_package_index(
    *,
    status: int,
    body: bytes,
    finding: Status,
    fact: str,
    servers: list[HTTPServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Answering(status, {"content-type": "application/json"}, body=body)
    found = await released(monkeypatch, f"{serve(servers, server)}/json")
    assert found.status is finding
    assert fact in found.fact
    assert len(server.asked) == 1
    assert "Authorization" not in server.asked[0]


async def test_check_release_skips_an_unreachable_index(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await released(monkeypatch, "http://127.0.0.1:9/json")
    assert found.status is Status.SKIPPED
    assert "not known" in found.fact


async def test_check_release_offline_sends_no_request(
    servers: list[HTTPServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Answering(200, {})
    found = await released(monkeypatch, serve(servers, server), offline=True)
    assert found.status is Status.SKIPPED
    assert server.asked == []


def test_versions_are_compared_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "__version__", "1.9.0")
    statuses = {
        text: release_finding(text).status for text in ("1.10", "1.9", "1.9.0", "1.8.99", "1.9.0.post1", "2.0rc1")
    }
    newer = [text for text, status in statuses.items() if status is Status.WARNING]
    assert newer == ["1.10", "2.0rc1"]
