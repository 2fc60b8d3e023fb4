"""Check the network path to Mogplex: name resolution, TCP, TLS, HTTP, latency, and the clock."""

import re
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ssl import SSLObject, cert_time_to_seconds
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import anyio
import httpx2

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL, web_url
from mogplex_mcp.api.certificates import find_certificate_problem
from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.exchange import build_request, stream
from mogplex_mcp.api.proxies import find_proxy
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.deadline import within
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject, error_finding

STEPS: Final = ("proxy", "dns", "tcp", "tls", "http")
"""The findings that must not fail: without one of them Mogplex can't be reached."""

STEP_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
# Shorter, so that a silent proxy is not taken for a silent Mogplex.
SILENCE_SECONDS: Final = 8.0
LATENCY_REQUESTS: Final = 3
SLOW_SECONDS: Final = 1.0
CLOCK_SECONDS: Final = 30.0
CERTIFICATE_DAYS: Final = 7
MOST_BYTES: Final = 65_536

_DAY: Final = 86_400
_PORTS: Final = {"https": 443, "http": 80}
_LONGEST_NAME: Final = 80
_REDIRECTS: Final = range(300, 400)
_FAILURES: Final = range(500, 600)
# Makers of proxies and programs that read TLS on the way, by what their certificates call themselves.
_INSPECTORS: Final = re.compile(
    r"zscaler|netskope|palo alto|fortinet|fortigate|blue ?coat|symantec web|cisco umbrella|forcepoint|sophos|mcafee"
    r"|skyhigh|check point|checkpoint|cloudflare (?:for teams|gateway|managed)|gateway ca|watchguard|barracuda"
    r"|sonicwall|trend micro|iboss|menlo|kaspersky|avast|avg |eset |bitdefender|adguard|mitmproxy|charles proxy"
    r"|portswigger|fiddler|do_not_trust|squid",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Target:
    """The host that connections are made to: Mogplex, or a proxy, which has a name that says where it was set."""

    host: str
    port: int
    proxy: str = ""


async def check_way(subject: Subject) -> Sequence[Finding]:
    """Run all steps up to the first that fails. No token is sent, so that no request counts against its rate limit."""
    base_url = subject.settings.base_url
    if subject.settings.demo:
        return [Finding("address", Status.OK, "A Mogplex simulated inside this process (--demo).")]
    where = "" if base_url == DEFAULT_BASE_URL else " (MOGPLEX_URL or --url; https://mogplex.com is the usual one)"
    findings = [Finding("address", Status.OK, f"{web_url(base_url)}{where}")]
    target = _target(base_url)
    try:
        transport = subject.services.tenants.transport
    except MogplexError as error:
        return [*findings, Finding("proxy", Status.FAILED, error.message, "Nothing can be sent before.")]
    findings.append(Finding("proxy", Status.OK, target.proxy or "None is used."))
    if problem := find_certificate_problem() if base_url.startswith("https") else "":
        findings.append(Finding("certificates", Status.WARNING, problem, "Until then it has no effect."))
    for check in (_check_name, _check_connection):
        findings.append(await check(target))
        if findings[-1].status is Status.FAILED:
            return findings
    return [*findings, *await _check_answer(subject, transport, target)]


async def _check_name(target: _Target) -> Finding:
    try:
        found = await within(
            STEP_SECONDS, lambda: socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        )
    except (TimeoutError, OSError, UnicodeError) as error:
        reason = "in time" if isinstance(error, TimeoutError) else "on this network"
        what = f"the proxy {target.proxy}" if target.proxy else "MOGPLEX_URL, the network and its name server"
        return Finding("dns", Status.FAILED, f"The name {target.host} was not found {reason}.", f"Check {what}.")
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    return Finding("dns", Status.OK, f"{target.host} is {', '.join(addresses[:3])}.")


async def _check_connection(target: _Target) -> Finding:
    what = (
        f"the proxy {target.proxy}"
        if target.proxy
        else "the network, a firewall, and whether a proxy has to be set (HTTPS_PROXY)"
    )
    try:
        with anyio.fail_after(STEP_SECONDS):
            stream = await anyio.connect_tcp(target.host, target.port)
            await stream.aclose()
    except (TimeoutError, OSError) as error:
        reason = "did not accept a connection in time" if isinstance(error, TimeoutError) else "cannot be connected to"
        return Finding("tcp", Status.FAILED, f"{target.host} port {target.port} {reason}.", f"Check {what}.")
    return Finding("tcp", Status.OK, f"{target.host} port {target.port} accepts connections.")


async def _check_answer(subject: Subject, transport: httpx2.AsyncBaseTransport, target: _Target) -> list[Finding]:
    """Check TLS and HTTP with one request; the error says which of them failed."""
    url = f"{subject.settings.base_url}/repos"
    host = urlsplit(url).hostname or ""
    taken: list[float] = []
    try:
        with anyio.fail_after(ANSWER_SECONDS):
            # Without a token, Mogplex only says where to log in; that is not counted.
            first = await _ask(transport, url)
            before = time.time()
            for _ in range(LATENCY_REQUESTS):
                started = time.perf_counter()
                last = await _ask(transport, url)
                taken.append(time.perf_counter() - started)
    except TimeoutError:
        return [_silent(host, target)]
    except MogplexError as error:
        if error.code is ErrorCode.TIMED_OUT:
            return [_silent(host, target)]
        failed = error_finding("tls" if error.code is ErrorCode.TLS_FAILED else "http", error)
        what = "the proxy" if error.blame is Blame.PROXY else "the certificates, the clock and the proxy"
        return [Finding(failed.name, failed.status, failed.fact, f"Check {what}.")]
    findings = [_tls_finding(first)] if url.startswith("https") else []
    findings.append(_answer_finding(first, url))
    median = statistics.median(taken)
    slow = Finding("latency", Status.WARNING, f"{1000 * median:.0f} ms.", "Mogplex or the way to it is slow.")
    findings.append(
        slow if median > SLOW_SECONDS else Finding("latency", Status.OK, f"{1000 * median:.0f} ms (median of 3).")
    )
    findings.append(_clock_finding(last.headers.get("date", ""), subject.services.now() - time.time() + before))
    return findings


async def _ask(transport: httpx2.AsyncBaseTransport, url: str) -> httpx2.Response:
    """Return the response to a request without a token; its body is read up to `MOST_BYTES`, and not kept."""
    read = 0
    async with stream(transport, build_request("GET", url, read_seconds=SILENCE_SECONDS)) as response:
        async for chunk in response.stream:  # type: ignore[union-attr] # the transports are asynchronous
            read += len(chunk)
            if read > MOST_BYTES:
                break
    return response


def _silent(host: str, target: _Target) -> Finding:
    there = f"{host} through the proxy {target.proxy}" if target.proxy else host
    fact = f"{there} took the connection, but did not answer within {ANSWER_SECONDS:g} seconds."
    return Finding("http", Status.FAILED, fact, "Try again in a minute; if it stays so, check the proxy.")


def _answer_finding(response: httpx2.Response, url: str) -> Finding:
    status, host = response.status_code, urlsplit(url).hostname or ""
    to = urlsplit(urljoin(url, response.headers.get("location", "")))
    if status in _REDIRECTS and to.hostname == host:
        return Finding("http", Status.OK, f"{host} answers.")
    if status in _REDIRECTS:
        fact = f"{host} sends everybody to {clean_line(to.hostname or 'nowhere', _LONGEST_NAME)}."
        return Finding("http", Status.FAILED, fact, "Log in to the network if it asks for that; check MOGPLEX_URL.")
    if status in _FAILURES:
        return Finding("http", Status.FAILED, f"{host} answers {status}.", "Mogplex has an outage: try again later.")
    if status == HTTPStatus.UNAUTHORIZED:
        return Finding("http", Status.OK, f"{host} answers.")
    fact = f"{host} answers {status}, as Mogplex does not."
    return Finding("http", Status.WARNING, fact, "Check MOGPLEX_URL and the proxy.")


def _tls_finding(response: httpx2.Response) -> Finding:
    """Return what the connection knows of TLS: little where the operating system checked the certificate."""
    network = response.extensions.get("network_stream")
    connection = network.get_extra_info("ssl_object") if network else None
    if not isinstance(connection, SSLObject):
        return Finding("tls", Status.OK, "The certificate is accepted.")
    version = connection.version() or "TLS"
    certificate: dict[str, Any] = connection.getpeercert() or {}
    if not certificate:
        return Finding("tls", Status.OK, f"{version}, with a certificate that the operating system accepts.")
    issuer = _issuer(certificate)
    days = (cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / _DAY
    fact = f"{version}, certificate by {issuer or 'an unnamed issuer'}, good for {days:.0f} days."
    if _INSPECTORS.search(issuer):
        advice = "A proxy or program on the way reads what is sent, the token too: that is for your company to decide."
        return Finding("tls", Status.WARNING, fact, advice)
    if days < CERTIFICATE_DAYS:
        return Finding("tls", Status.WARNING, fact, "It ends soon: the operator of that address has to renew it.")
    return Finding("tls", Status.OK, fact)


def _issuer(certificate: dict[str, Any]) -> str:
    names = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    shown = [names[key] for key in ("organizationName", "commonName") if names.get(key)]
    return clean_line(", ".join(dict.fromkeys(shown)), _LONGEST_NAME)


def _clock_finding(header: str, now: float) -> Finding:
    """Compare this machine's clock with the Date of a response, which has whole seconds."""
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return Finding("clock", Status.SKIPPED, "The answer has no date to compare with.")
    difference = now - (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    if abs(difference) <= CLOCK_SECONDS:
        return Finding("clock", Status.OK, f"It agrees with Mogplex's to {max(1, round(abs(difference)))} s.")
    way = "ahead" if difference > 0 else "behind"
    fact = f"It is {abs(difference):.0f} s {way} (Mogplex says {datetime.fromtimestamp(date.timestamp(), UTC):%F %T}Z)."
    return Finding("clock", Status.WARNING, fact, "Set it by the network: certificates, ages and limits depend on it.")


def _target(base_url: str) -> _Target:
    """Return the host and port that the HTTP transport will connect to."""
    proxy = find_proxy(base_url)
    if proxy is not None:
        return _Target(*proxy.endpoint, proxy=proxy.name)
    url = urlsplit(base_url)
    return _Target(url.hostname or "", url.port or _PORTS[url.scheme])
