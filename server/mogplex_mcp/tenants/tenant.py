"""All that belongs to one token: its client, its budget, its journal, its watches. Tenants share nothing but a pool."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from mogplex_mcp.api.budget import SharedBudget
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.connection import HttpClient
from mogplex_mcp.api.hosted import HostedEndpoint, HostedToolCache
from mogplex_mcp.api.repos import RepoFinder
from mogplex_mcp.api.scopes import ScopeCache, ScopeTrackingHttp
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.start import Starter
from mogplex_mcp.runs.triggers import Triggerer, TriggerKeys
from mogplex_mcp.runs.watch import WatchCache, Watches
from mogplex_mcp.storage.journal import Journal
from mogplex_mcp.storage.sqlite_journal import SqliteJournal
from mogplex_mcp.storage.state_file import StateFile

MOST_TENANTS: Final = 1_000


@dataclass(frozen=True)
class Tenant:
    """What one token has here."""

    found: FoundToken
    mogplex: Mogplex
    budget: SharedBudget
    journal: Journal
    repos: RepoFinder
    starter: Starter
    watches: Watches
    triggerer: Triggerer
    hosted: HostedToolCache
    scopes: ScopeCache


@dataclass
class Tenants:
    """The tenants of this process, made when their token first comes; the one not seen for longest goes first.

    Attributes:
        base_url: Where Mogplex is.
        http: The connections that all share.
        state: The user's state file.
        now: Seconds since the epoch.
    """

    base_url: str
    http: HttpClient
    state: StateFile
    now: Callable[[], float] = time.time
    _known: OrderedDict[bytes, Tenant] = field(default_factory=OrderedDict, repr=False)
    _watch_cache: WatchCache = field(default_factory=WatchCache, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def of(self, found: FoundToken) -> Tenant:
        """The tenant of a token; without a token, one whose every request says that there is none."""
        value = found.token.value if found.token else ""
        name = hashlib.blake2b(value.encode(), key=self._key, digest_size=16).digest()
        tenant = self._known.get(name)
        if tenant is None:
            tenant = self._known[name] = self._make(found, value)
            if len(self._known) > MOST_TENANTS:
                self._known.popitem(last=False)
        self._known.move_to_end(name)
        # The same token may have been found elsewhere meanwhile, and without one the reason may be another.
        return tenant if tenant.found is found else replace(tenant, found=found)

    def _make(self, found: FoundToken, value: str) -> Tenant:
        budget = SharedBudget(self.state, value, now=self.now)
        scopes = ScopeCache(now=self.now)
        http = ScopeTrackingHttp(self.http, self.base_url, found.token, budget, scopes=scopes)
        mogplex = Mogplex(http)
        journal = SqliteJournal(self.state, value, now=self.now)
        return Tenant(
            found=found,
            mogplex=mogplex,
            budget=budget,
            journal=journal,
            repos=RepoFinder(mogplex, now=self.now),
            starter=Starter(mogplex, journal),
            watches=Watches(mogplex, reserve=budget.reserve, now=self.now, cache=self._watch_cache),
            triggerer=Triggerer(mogplex, TriggerKeys(self.state, value, now=self.now)),
            hosted=HostedToolCache(HostedEndpoint(http), now=self.now),
            scopes=scopes,
        )
