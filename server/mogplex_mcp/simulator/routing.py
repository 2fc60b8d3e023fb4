"""Routing, with the behaviour of the web framework that the service runs on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote_plus, unquote, unquote_to_bytes

from . import (
    routes_automations,
    routes_catalog,
    routes_env_vars,
    routes_job_runs,
    routes_repos,
    routes_runs,
    routes_sandboxes,
)
from .context import Endpoint, Routes
from .messages import BASE_PATH, PLAIN, Request, Response, redirect
from .world import World

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Methods that the service's HTTP parser accepts and its router rejects; it drops the connection on any other.
_PARSED = frozenset({"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "PURGE"})
_MOST_HEADER_BYTES = 16 * 1024
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

_ROUTES: Routes = {
    **routes_repos.ROUTES,
    **routes_env_vars.ROUTES,
    **routes_sandboxes.ROUTES,
    **routes_runs.ROUTES,
    **routes_catalog.ROUTES,
    **routes_automations.ROUTES,
    **routes_job_runs.ROUTES,
}


def early_response(request: Request, world: World) -> Response | None:
    """Return the response to what never reaches the application: broken requests, and redirects of paths and hosts."""
    size = sum(len(name) + len(value) for name, value in request.headers.items())
    if size + len(request.raw_path) + len(request.raw_query) > _MOST_HEADER_BYTES:
        return Response(431).with_header("connection", "close")
    if request.method == "TRACE" or not _decodable(request.raw_path):
        return Response(500, b"Internal Server Error", [("content-type", PLAIN)])
    if request.method not in METHODS:
        return Response(400) if request.method in _PARSED else Response(400).with_header("connection", "close")
    query = f"?{request.raw_query}" if request.raw_query else ""
    tidy = re.sub(r"/{2,}", "/", request.raw_path).rstrip("/") or "/"
    if tidy != request.raw_path:
        return redirect(308, tidy + query)
    if request.headers.get("host", "") == f"www.{world.canonical_host}":
        pairs = parse_qsl(request.raw_query, keep_blank_values=True)
        query = "?" + "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs) if pairs else ""
        return redirect(308, f"{world.canonical_scheme}://{world.canonical_host}{request.raw_path}{query}")
    return None


def _decodable(path: str) -> bool:
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return False
    return _BAD_PERCENT.search(path) is None


def resolve_dots(path: str) -> str:
    """Resolve `.` and `..` segments, as URL parsers do (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a path.

    Attributes:
        methods: endpoints by method.
        parameters: the variable parts of the path, decoded.
    """

    methods: Mapping[str, Endpoint]
    parameters: dict[str, str]

    @property
    def allowed(self) -> str:
        """Return the route's methods, as OPTIONS lists them."""
        implied = {"OPTIONS"} | ({"HEAD"} if "GET" in self.methods else set())
        return ", ".join(sorted(implied | set(self.methods)))


def find(raw_path: str, world: World) -> Found | None:
    """Return the route of a path; None for an unknown path, or one that this Mogplex does not have."""
    below = raw_path.removeprefix(BASE_PATH)
    if below == raw_path or (below == routes_catalog.REVIEWS_PATH and not world.pr_reviews_available):
        return None
    segments = below.split("/")
    for template, methods in _ROUTES.items():
        parts = template.split("/")
        if len(parts) != len(segments):
            continue
        pairs = list(zip(parts, segments, strict=True))
        if all(part.startswith("{") or part == segment for part, segment in pairs):
            return Found(methods, {part[1:-1]: unquote(segment) for part, segment in pairs if part.startswith("{")})
    return None
