"""The contenders. A new one is one more entry in `CONTENDERS`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from benchmarks.compare.environments import Environment


class Transport(StrEnum):
    """The transport of a contender."""

    STDIO = "stdio"
    HTTP = "HTTP"


class Source(StrEnum):
    """The upstream interface that a contender uses."""

    REST = "REST"
    HOSTED = "hosted MCP"


@dataclass(frozen=True)
class Contender:
    """A server that gives a model the list of repositories.

    In the command and the variables stand `{bin}` (folder of the environment's programs), `{folder}` (the
    environment), `{programs}` (`benchmarks/contenders`), `{origin}` (the upstream), `{api}` and `{hosted}` (its REST
    and MCP endpoints), `{token}` and, over HTTP, `{port}`.

    Attributes:
        name: How it is called in tables and in `--only`.
        title: What it is, in a line.
        command: What starts it; none for an endpoint that is there already.
        loaded: What starts it for more calls than a minute's budget allows, where that differs.
        variables: Of its environment.
        path: Of its endpoint over HTTP.
        modern: Whether it can be asked in the 2026 protocol.
        only_starts: Whether it is another one's start that is measured: else it is the same.
        counted: Whether its instructions are counted. Those of a just-in-time compiler say nothing.
    """

    name: str
    title: str
    environment: Environment | None
    transport: Transport
    source: Source
    command: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    path: str = "/mcp"
    modern: bool = False
    only_starts: bool = False
    counted: bool = False

    @property
    def call(self) -> dict[str, Any]:
        """Return the parameters of the measured call: 100 repositories."""
        name = "mogplex_list_repos" if self.source is Source.HOSTED else "list_repos"
        return {"name": name, "arguments": {"limit": 100}}


_THIS: Final = Environment("this-server", this=True, python=("mcp==2.3.0", "httpx2==2.16.2", "pydantic==2.14.3"))
_MCP_PROXY: Final = Environment("mcp-proxy", python=("mcp-proxy==0.13.0", "mcp==1.30.0", "httpx==0.28.1"))
_MCP_REMOTE: Final = Environment("mcp-remote", node=("mcp-remote@0.15.1",))
_FASTMCP: Final = Environment("fastmcp", python=("fastmcp==4.1.2", "mcp==2.3.0", "httpx2==2.16.2"))
_SDK: Final = Environment("sdk", python=("mcp==2.3.0", "httpx==0.28.1", "pydantic==2.14.3"))

_OURS: Final = {"MOGPLEX_API_KEY": "{token}", "MOGPLEX_URL": "{origin}"}
_THEIRS: Final = {"BENCH_API": "{api}", "BENCH_HOSTED": "{hosted}", "BENCH_TOKEN": "{token}"}
_RAISED: Final = ("{bin}/python", "{programs}/this_server.py")


def _program(name: str, title: str, environment: Environment, source: Source, program: str, **more: Any) -> Contender:
    return Contender(
        name, title, environment, Transport.STDIO, source, ("{bin}/python", program), variables=_THEIRS, **more
    )


def _program_http(name: str, title: str, environment: Environment, source: Source, program: str) -> Contender:
    command = ("{bin}/python", program, "{port}")
    return Contender(name, title, environment, Transport.HTTP, source, command, variables=_THEIRS)


THIS: Final = "this"
MCP_PROXY: Final = "mcp-proxy"
TUTORIAL: Final = "tutorial"
HOSTED: Final = "hosted"

CONTENDERS: Final = (
    Contender(
        THIS,
        "this server",
        _THIS,
        Transport.STDIO,
        Source.REST,
        ("{bin}/mogplex-mcp",),
        _RAISED,
        _OURS,
        modern=True,
        counted=True,
    ),
    Contender(
        f"{THIS}-plain",
        "this server, nothing built in",
        _THIS,
        Transport.STDIO,
        Source.REST,
        ("{bin}/mogplex-mcp",),
        variables=_OURS | {"MOGPLEX_MCP_EARLY_ANSWERS": "false"},
        modern=True,
        only_starts=True,
        counted=True,
    ),
    Contender(
        MCP_PROXY,
        "mcp-proxy",
        _MCP_PROXY,
        Transport.STDIO,
        Source.HOSTED,
        ("{bin}/mcp-proxy", "--transport", "streamablehttp", "-H", "Authorization", "Bearer {token}", "{hosted}"),
        counted=True,
    ),
    Contender(
        "mcp-remote",
        "mcp-remote",
        _MCP_REMOTE,
        Transport.STDIO,
        Source.HOSTED,
        (
            "node",
            "{folder}/node_modules/mcp-remote/dist/proxy.js",
            "{hosted}",
            *("--transport", "http-only", "--allow-http", "--header", "Authorization: Bearer {token}"),
        ),
    ),
    _program("fastmcp-proxy", "FastMCP's proxy", _FASTMCP, Source.HOSTED, "{programs}/fastmcp_proxy.py"),
    _program("fastmcp-openapi", "FastMCP from OpenAPI", _FASTMCP, Source.REST, "{programs}/fastmcp_openapi.py"),
    _program(
        TUTORIAL,
        "the SDK's tutorial form",
        _SDK,
        Source.REST,
        "{programs}/tutorial.py",
        modern=True,
        counted=True,
    ),
    _program("floor", "bare Python, no SDK", _SDK, Source.REST, "{programs}/floor.py", counted=True),
    Contender(
        f"{THIS}-http",
        "this server",
        _THIS,
        Transport.HTTP,
        Source.REST,
        ("{bin}/mogplex-mcp", "http", "--port", "{port}"),
        (*_RAISED, "http", "--port", "{port}"),
        {"MOGPLEX_URL": "{origin}"},
        modern=True,
    ),
    _program_http("fastmcp-proxy-http", "FastMCP's proxy", _FASTMCP, Source.HOSTED, "{programs}/fastmcp_proxy.py"),
    _program_http(
        "fastmcp-openapi-http", "FastMCP from OpenAPI", _FASTMCP, Source.REST, "{programs}/fastmcp_openapi.py"
    ),
    _program_http(f"{TUTORIAL}-http", "the SDK's tutorial form", _SDK, Source.REST, "{programs}/tutorial.py"),
    Contender(
        HOSTED,
        "the hosted endpoint itself",
        None,
        Transport.HTTP,
        Source.HOSTED,
        path="/api/v1/mogplex/mcp",
    ),
)


def chosen(names: str) -> list[Contender]:
    """Return the contenders with these names, in the usual order; all for an empty text.

    Raises:
        ValueError: A name is unknown.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {one.name for one in CONTENDERS}
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"no contender {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return [one for one in CONTENDERS if not wanted or one.name in wanted]
