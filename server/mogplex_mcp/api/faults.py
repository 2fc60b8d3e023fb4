"""Faults of the network under names that callers can act on."""

import socket
import ssl
from collections.abc import Iterator

import httpx2

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.text import one_line

# Nothing of the request can have left this machine when one of these happened.
_BEFORE_SENDING = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


# The first row that fits counts.
_MEANINGS: tuple[tuple[type[httpx2.RequestError], ErrorCode, str], ...] = (
    (httpx2.ProxyError, ErrorCode.UNREACHABLE, "The proxy did not connect to {host}: {said}."),
    (httpx2.ConnectTimeout, ErrorCode.UNREACHABLE, "{host} did not accept a connection in time."),
    (httpx2.PoolTimeout, ErrorCode.TIMED_OUT, "No connection to {host} became free: too many requests are under way."),
    (httpx2.TimeoutException, ErrorCode.TIMED_OUT, "{host} stopped answering."),
    (httpx2.DecodingError, ErrorCode.UNEXPECTED_ANSWER, "The answer of {host} could not be decompressed."),
    (httpx2.UnsupportedProtocol, ErrorCode.UNREACHABLE, "{host} could not be reached: {said}."),
    (httpx2.RequestError, ErrorCode.CONNECTION_LOST, "The connection to {host} broke: {said}."),
)


def transport_error(fault: httpx2.RequestError, host: str) -> MogplexError:
    """What a fault of the transport means; `may_have_happened` is True when the request may have been received."""
    return MogplexError(*_named(fault, host), may_have_happened=not isinstance(fault, _BEFORE_SENDING))


def _named(fault: httpx2.RequestError, host: str) -> tuple[ErrorCode, str]:
    said = one_line(_own_words(fault), 120) or type(fault).__name__
    if isinstance(fault, httpx2.ConnectError):
        return _named_connect_error(list(_causes(fault)), host, said)
    code, text = next((code, text) for kind, code, text in _MEANINGS if isinstance(fault, kind))
    return code, text.format(host=host, said=said)


def _own_words(fault: httpx2.RequestError) -> str:
    """What this side's libraries say of a fault, without what the other side sent."""
    if isinstance(fault, httpx2.ProxyError):
        status = str(fault)[:3]
        return f"it answered {status}" if status.isdecimal() else ""
    return str(fault).partition(":")[0] if isinstance(fault, httpx2.RemoteProtocolError) else str(fault)


def _named_connect_error(causes: list[BaseException], host: str, said: str) -> tuple[ErrorCode, str]:
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return ErrorCode.TLS_FAILED, (
                    f"The certificate of {host} was not accepted: {one_line(cause.verify_message or said, 120)}. "
                    "If a company proxy inspects TLS, add its certificate to the trust store of this system "
                    "(on Linux also by SSL_CERT_FILE); check the clock as well."
                )
            case socket.gaierror():
                return ErrorCode.UNREACHABLE, f"The name {host} could not be resolved. Check the base URL and network."
            case ConnectionRefusedError():
                return ErrorCode.UNREACHABLE, f"{host} could not be reached: the connection was refused."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ErrorCode.TLS_FAILED, (
            f"No TLS connection to {host} could be made: {said}. "
            "Check that the address and port speak https, and proxies on the way."
        )
    return ErrorCode.UNREACHABLE, f"{host} could not be reached: {said}."


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault, what caused it, and so on; what happened in parallel as well."""
    seen: set[int] = set()
    waiting = [fault]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        waiting += [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
