"""The simulated Mogplex of the comparison: cached responses, a configurable latency, counted requests.

The simulator makes each response once; a minimal server repeats it, so that the contender is what is measured. It runs
in its own process until stdin is closed, and reads commands there, one JSON object per line: `{"latency": seconds}`, or
`{}`; the response to each is the traffic of every token so far.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import httpx2

from benchmarks.compare.traffic import TOKENS, Traffic
from mogplex_mcp.simulator import ApiToken, Repo, Simulator, User, World
from mogplex_mcp.simulator.formats import derived_id

REPOS: Final = 100

_OWNERS: Final = ("acme", "acme-labs", "northwind-traders", "jdoe")
_SUBJECTS: Final = ("billing", "checkout", "search", "identity", "notifications", "reporting", "inventory")
_KINDS: Final = ("api", "web", "worker", "ios-app", "infra", "docs")
# Stands for the id of a JSON-RPC request, which is another one each time.
_ID: Final = "~the id of the request~"
# What the simulator looks at.
_PASSED: Final = frozenset({"authorization", "content-type", "accept", "idempotency-key", "origin"})
_END_OF_HEAD: Final = b"\r\n\r\n"


def world_of(tokens: int) -> World:
    """Return a world in which each token has its own account with the same repositories, without rate limit."""
    world = World()
    for number in range(tokens):
        user = derived_id("user", number)
        world.users.append(User(user, f"contender-{number}"))
        world.tokens.append(ApiToken(TOKENS[number], user, limited=False))
        world.repos += [_repo(user, row) for row in range(REPOS)]
    return world


def _repo(user: str, row: int) -> Repo:
    subject, kind = _SUBJECTS[row % len(_SUBJECTS)], _KINDS[row // len(_SUBJECTS) % len(_KINDS)]
    return Repo(
        derived_id("repo", row),
        user,
        f"{_OWNERS[row % len(_OWNERS)]}/{subject}-{kind}{'-next' if row >= REPOS // 2 else ''}",
        installation_id=51_840_200 + row % len(_OWNERS),
        default_branch="master" if row % 9 == 0 else "main",
        root_directory=f"packages/{subject}" if row % 11 == 0 else None,
    )


@dataclass
class Request:
    """A request.

    Attributes:
        key: What its answer depends on: method, target, token, and body without an id.
        headers: By their names in lower case.
        identifier: Its id, where it is one of JSON-RPC.
    """

    key: tuple[str, str, str, str]
    headers: dict[str, str]
    identifier: Any


@dataclass
class CachedResponse:
    """A response of the simulator, to be repeated.

    Attributes:
        head: Status line and headers but the length.
        body: With the placeholder where the request's id goes.
        units: What it cost of the token's minute.
    """

    head: bytes
    body: bytes
    units: int

    def whole(self, identifier: Any) -> bytes:
        """Return the bytes to send for a request with this id."""
        body = self.body.replace(json.dumps(_ID).encode(), json.dumps(identifier).encode())
        return self.head + b"content-length: %d" % len(body) + _END_OF_HEAD + body


@dataclass
class Upstream:
    """The state that all connections share.

    Attributes:
        latency: Seconds from a request to its answer.
        traffic: What each token has asked so far.
    """

    simulator: Simulator
    latency: float = 0.0
    traffic: dict[str, Traffic] = field(default_factory=lambda: {token: Traffic() for token in TOKENS})
    _answers: dict[tuple[str, str, str, str], CachedResponse] = field(default_factory=dict)

    def known(self, request: Request) -> CachedResponse | None:
        """Return the cached response to a request; None if there is none."""
        return self._answers.get(request.key)

    async def answer(self, request: Request) -> CachedResponse:
        """Return the response to a request, from the cache or the simulator."""
        if request.key not in self._answers:
            method, target, _, plain = request.key
            headers = request.headers
            passed = {name: value for name, value in headers.items() if name in _PASSED}
            async with httpx2.AsyncClient(transport=self.simulator.transport(), base_url="http://127.0.0.1") as client:
                made = await client.request(method, target, headers=passed, content=plain.encode())
            kept = "".join(
                f"{name}: {value}\r\n" for name, value in made.headers.items() if name.lower() != "content-length"
            )
            head = f"HTTP/1.1 {made.status_code} {made.reason_phrase}\r\n{kept}"
            self._answers[request.key] = CachedResponse(head.encode(), made.content, self.simulator.requests[-1].units)
        return self._answers[request.key]


def _without_id(body: bytes) -> tuple[bytes, Any]:
    """A JSON-RPC request with a placeholder for its id and without what else is another one each time."""
    if not body:
        return body, None
    try:
        message = json.loads(body)
    except ValueError:
        return body, None
    if not isinstance(message, dict) or "id" not in message:
        return body, None
    identifier, message["id"] = message["id"], _ID
    if isinstance(message.get("params"), dict):
        message["params"].pop("_meta", None)
    return json.dumps(message).encode(), identifier


class Connection(asyncio.Protocol):
    """One connection, HTTP/1.1, one request after the other."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._pending = b""
        self._traffic: Traffic | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a connection that cannot be written to")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take requests from what has come."""
        self._pending += data
        while _END_OF_HEAD in self._pending:
            head, _, rest = self._pending.partition(_END_OF_HEAD)
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            body, self._pending = rest[:length], rest[length:]
            self._count(headers.get("authorization", ""), len(head) + len(_END_OF_HEAD) + length)
            method, target, _ = first.split(" ")
            plain, identifier = _without_id(body)
            key = method, target, headers.get("authorization", ""), plain.decode()
            self._take(Request(key, headers, identifier))

    def _take(self, request: Request) -> None:
        if not self._upstream.latency and (known := self._upstream.known(request)):
            self._send(known, request)
            return
        task = asyncio.create_task(self._answer(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _count(self, authorization: str, size: int) -> None:
        new = self._traffic is None
        self._traffic = self._upstream.traffic.setdefault(authorization.removeprefix("Bearer "), Traffic())
        self._traffic.connections += new
        self._traffic.requests += 1
        self._traffic.bytes_up += size

    async def _answer(self, request: Request) -> None:
        due = asyncio.get_running_loop().time() + self._upstream.latency
        answer = await self._upstream.answer(request)
        wait = due - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        self._send(answer, request)

    def _send(self, answer: CachedResponse, request: Request) -> None:
        whole = answer.whole(request.identifier)
        if self._traffic is not None:
            self._traffic.bytes_down += len(whole)
            self._traffic.units += answer.units
        self._transport.write(whole)
        if request.headers.get("connection", "").lower() == "close":
            self._transport.close()


async def serve() -> None:
    """Serve until stdin is closed."""
    upstream = Upstream(Simulator(world_of(len(TOKENS))))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(upstream), "127.0.0.1", 0, backlog=1_024)
    _say({"address": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        upstream.latency = json.loads(line).get("latency", upstream.latency)
        _say({token: asdict(traffic) for token, traffic in upstream.traffic.items()})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
