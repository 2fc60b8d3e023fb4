"""A tenant: the client, budget, ledger and watches of one token. Tenants share only the connection pool."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary

import anyio

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.budget import SharedBudget
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.hosted import HostedEndpoint, HostedToolCache
from mogplex_mcp.api.repos import RepoFinder
from mogplex_mcp.api.scopes import ScopeCache
from mogplex_mcp.api.server_clock import ServerClock
from mogplex_mcp.core.metrics import NO_METRICS, Recorder
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.automation_looks import AutomationLooks
from mogplex_mcp.runs.fair_share import FairShare
from mogplex_mcp.runs.start import Starter
from mogplex_mcp.runs.triggers import Triggerer
from mogplex_mcp.runs.watch import OnAnswer
from mogplex_mcp.runs.watches import WatchCache, Watches
from mogplex_mcp.storage.ledger import Ledger
from mogplex_mcp.storage.measured_ledger import MeasuredLedger
from mogplex_mcp.storage.store import Store
from mogplex_mcp.tenants.latest_runs import LatestRuns
from mogplex_mcp.tenants.renewing_http import Current, Renew, RenewingHttp

if TYPE_CHECKING:
    import httpx2  # slow to import, and not needed before the first request

MOST_TENANTS: Final = 1_000


class OwnTokens(Protocol):
    """The token of this process, which may be replaced, refreshed or gone at any time."""

    def current(self, last: FoundToken) -> Awaitable[FoundToken]:
        """Return the token to use in place of the last one; a grant that expires soon is refreshed first."""

    def renew(self, refused: Token) -> Awaitable[FoundToken | None]:
        """Look for the token again after Mogplex refused one, or refresh it; return another one, or None."""


@dataclass(frozen=True)
class Tenant:
    """The parts that belong to one token.

    Attributes:
        branch_locks: Held while a follow-up is started, by the id of its repository and its branch.
    """

    found: FoundToken
    mogplex: Mogplex
    budget: SharedBudget
    ledger: Ledger
    repos: RepoFinder
    starter: Starter
    watches: Watches
    triggerer: Triggerer
    hosted: HostedToolCache
    scopes: ScopeCache
    clock: ServerClock
    latest_runs: LatestRuns = field(default_factory=LatestRuns)
    fair_share: FairShare = field(default_factory=FairShare)
    automation_looks: AutomationLooks = field(default_factory=AutomationLooks)
    branch_locks: WeakValueDictionary[tuple[str, str], anyio.Lock] = field(default_factory=WeakValueDictionary)
    recorder: Recorder = NO_METRICS
    own: OwnTokens | None = field(default=None, repr=False)

    async def current_token(self) -> FoundToken:
        """Return the token as it is now: that of this process may have been refreshed since the request began."""
        is_own = self.found.personal and self.found.grant is not None
        return await self.own.current(self.found) if self.own and is_own else self.found


@dataclass
class Tenants:
    """The tenants of this process, created on first use; the least recently used one is dropped first.

    Attributes:
        base_url: The URL of Mogplex.
        transport: The connections that all tenants share.
        store: Where state is kept.
        now: Seconds since the epoch.
        known: What Mogplex has shown of the tokens.
        own: The token of this process; None where it cannot change.
        recorder: Records what is measured.
        on_answer: Called with each new snapshot of a run, whatever the token of this process then.
    """

    base_url: str
    transport: "httpx2.AsyncBaseTransport"
    store: Store
    now: Callable[[], float] = time.time
    known: KnownTokens = field(default_factory=KnownTokens)
    own: OwnTokens | None = None
    recorder: Recorder = NO_METRICS
    on_answer: OnAnswer | None = None
    _known: OrderedDict[bytes, Tenant] = field(default_factory=OrderedDict, repr=False)
    _watch_cache: WatchCache = field(default_factory=WatchCache, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def of(self, found: FoundToken) -> Tenant:
        """Return the tenant of a token; without a token, one whose requests fail with the reason.

        The tokens of one grant have one tenant.
        """
        name = self._name(found)
        tenant = self._known.get(name)
        if tenant is None:
            tenant = self._known[name] = self._make(found)
            if len(self._known) > MOST_TENANTS:
                self._known.popitem(last=False)
        self._known.move_to_end(name)
        # The same token may have another source by now, and a missing one another reason.
        return tenant if tenant.found is found else replace(tenant, found=found)

    def _make(self, found: FoundToken) -> Tenant:
        identity = found.identity
        budget = SharedBudget(self.store.request_counts(identity), now=self.store.now, recorder=self.recorder)
        from mogplex_mcp.api.dated_transport import DatedTransport  # noqa: PLC0415 - imports httpx2, which is slow

        clock = ServerClock(self.now)
        transport = DatedTransport(self.transport, clock)
        scopes = self.known.scopes(found.token) if found.token else ScopeCache(now=self.now)
        http = RenewingHttp(
            transport,
            self.base_url,
            found.token,
            budget,
            scopes=scopes,
            known=self.known,
            renew=self._renewing(found),
            current=self._refreshing(found),
        )
        mogplex = Mogplex(http)
        ledger = open_ledger(self.store, self.base_url, found)
        if self.recorder is not NO_METRICS:
            ledger = MeasuredLedger(ledger, self.recorder)
        watches = Watches(
            mogplex,
            reserve=budget.reserve,
            now=clock.now,
            cache=self._watch_cache,
            looks=self.store.looks(identity),
            recorder=self.recorder,
        )
        watches.on_answer = self.on_answer if found.personal else None
        return Tenant(
            found=found,
            mogplex=mogplex,
            budget=budget,
            ledger=ledger,
            repos=RepoFinder(mogplex, now=self.now),
            starter=Starter(mogplex, ledger, clock),
            watches=watches,
            triggerer=Triggerer(mogplex, ledger, clock, secret=identity if _has_lasting_token(found) else ""),
            hosted=HostedToolCache(HostedEndpoint(http), now=self.now),
            scopes=scopes,
            clock=clock,
            recorder=self.recorder,
            own=self.own,
        )

    def _renewing(self, found: FoundToken) -> Renew | None:
        """Return what looks for another token than the one of a tenant, and drops the tenant if it is replaced."""
        own = self.own
        # One that a caller has sent, or that `login` checks, stands for itself.
        if own is None or not found.personal:
            return None

        async def renew(refused: Token) -> Token | None:
            renewed = await own.renew(refused)
            if renewed is None:
                return None
            if renewed.identity != found.identity:
                self._known.pop(self._name(replace(found, personal=True)), None)
            return renewed.token

        return renew

    def _refreshing(self, found: FoundToken) -> Current | None:
        """Return what keeps the token of a tenant from expiring; None where it does not, or not in our hands."""
        own = self.own
        if own is None or found.grant is None or not found.personal:
            return None

        async def current(last: Token) -> Token:
            now = await own.current(found)
            return now.token if now.token and now.identity == found.identity else last

        return current

    def _name(self, found: FoundToken) -> bytes:
        return hashlib.blake2b(f"{found.personal} {found.identity}".encode(), key=self._key, digest_size=16).digest()


def _has_lasting_token(found: FoundToken) -> bool:
    """Return whether this is a caller over HTTP whose token stays the same."""
    return found.token is not None and not found.personal and not found.token.is_oauth


def open_ledger(store: Store, base_url: str, found: FoundToken) -> Ledger:
    """Return the ledger of a token.

    On a person's machine it belongs to the person and the address, so that it survives a new token; callers over HTTP
    are known by their tokens only, and stay apart. No route of Mogplex tells whose a token is (mogplex-api.md, section
    4), so a renewed access token begins a new ledger; the keys of starts are the same as before.
    """
    if not found.personal:
        return store.ledger(found.identity)
    return store.ledger(f"person at {base_url}", former=found.identity)
