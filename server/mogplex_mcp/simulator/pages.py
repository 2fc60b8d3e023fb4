"""The HTML of the web application around the API: what clients get who lose their way."""

from html import escape

from .messages import HTML, Response

_LOGIN_BYTES = 37_361
_NOT_FOUND_BYTES = 21_500


def login_page() -> Response:
    """The log-in page: 200 and HTML, whatever was asked (also after following the 307 of a POST)."""
    return _page(200, "Log in to Mogplex", _LOGIN_BYTES)


def not_found_page(path: str) -> Response:
    """The page for a path that nothing answers."""
    return _page(404, f"404: {escape(path)} could not be found.", _NOT_FOUND_BYTES)


def _page(status: int, text: str, size: int) -> Response:
    head, tail = f"<!DOCTYPE html><html><body><h1>{text}</h1><script>/*", "*/</script></body></html>"
    filling = "self.__next_f.push([1]);" * (size // 24 + 1)
    body = head + filling[: max(0, size - len(head) - len(tail))] + tail
    return Response(status, body.encode(), [("content-type", HTML)])
