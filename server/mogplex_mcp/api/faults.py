"""Faults of the network under names that callers can act on."""

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import ClassVar

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.text import one_line


class TransportError(Exception):
    """No answer came, or not all of one. What such an error says are words of this side, never of the other.

    Attributes:
        code: What it means.
        text: A sentence about it, for a host and what the error says.
        was_sent: Whether the other side may have the request.
    """

    code: ClassVar = ErrorCode.CONNECTION_LOST
    text: ClassVar = "The connection to {host} broke: {said}."
    was_sent: ClassVar = True


class SilenceError(TransportError):
    """The other side took too long."""

    code = ErrorCode.TIMED_OUT
    text = "{host} stopped answering."


class NoPlaceError(TransportError):
    """All connections are in use."""

    code = ErrorCode.TIMED_OUT
    text = "No connection to {host} became free: too many requests are under way."
    was_sent = False


class ConnectError(TransportError):
    """There is no connection; the cause says why."""

    code = ErrorCode.UNREACHABLE
    text = "{host} could not be reached: {said}."
    was_sent = False


class ConnectTimeoutError(ConnectError):
    """There is no connection yet."""

    text = "{host} did not accept a connection in time."


class ProxyError(ConnectError):
    """The proxy made no connection."""

    text = "The proxy did not connect to {host}: {said}."


def transport_error(fault: TransportError, host: str) -> MogplexError:
    """What a fault means; `may_have_happened` is True when the request may have been received."""
    said = one_line(str(fault), 120)
    code, text = fault.code, fault.text.format(host=host, said=said)
    if type(fault) is ConnectError:
        code, text = _why_not_connected(fault, host, said) or (code, text)
    return MogplexError(code, text, may_have_happened=fault.was_sent)


def _why_not_connected(fault: ConnectError, host: str, said: str) -> tuple[ErrorCode, str] | None:
    """What its causes tell; None for nothing that has a sentence of its own."""
    causes = list(_causes(fault))
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
            case OSError() if _is_refusal(cause):
                return ErrorCode.UNREACHABLE, f"{host} could not be reached: the connection was refused."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ErrorCode.TLS_FAILED, (
            f"No TLS connection to {host} could be made: {said}. "
            "Check that the address and port speak https, and proxies on the way."
        )
    return None


def _is_refusal(error: OSError) -> bool:
    """Whether nobody listens there. Of several addresses Python 3.11 makes one error, of which only the text tells."""
    return isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error)


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
