"""Lookup of a repository by name, URL or id, with a short-lived cache."""

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import canonical_uuid, without_quotes
from mogplex_mcp.api.models import Repo
from mogplex_mcp.core.cleaning import clean_line, is_plain
from mogplex_mcp.core.redaction import find_key

CACHE_SECONDS: Final = 120.0
MAX_CACHED_REPOS: Final = 256
MAX_SUGGESTIONS: Final = 5
MAX_ROWS: Final = 12
_MAX_NAME_CHARACTERS: Final = 200
_GITHUB: Final = re.compile(
    r"(?:(?:git\+)?(?:https?|ssh|git)://)?(?:[^@/\s]*@)?(?:www\.)?github\.com(?::\d+(?=/))?[/:]/?([^/?#]+/[^/?#]+)",
    re.IGNORECASE,
)
# repo: acme/web, github:acme/web
_NAMED: Final = re.compile(r"(?:repo(?:sitory)?|github|gh)\s*[:=]\s*", re.IGNORECASE)
_OTHER_HOST: Final = re.compile(r"\w+://|[\w.-]+@[\w.-]+:", re.IGNORECASE)


class RepoRemedy(StrEnum):
    """What to do about a text that matches no repository, or several."""

    LOOK_UP = "look up"
    NEAREST = "nearest"
    CHOOSE_ID = "choose an id"
    CONNECT = "connect GitHub"


class RepoError(MogplexError):
    """A text that matches no repository, or several.

    Attributes:
        remedy: What to do about it.
    """

    def __init__(self, code: ErrorCode, message: str, remedy: RepoRemedy) -> None:
        super().__init__(code, message)
        self.remedy = remedy


class RepoFinder:
    """Finds the repositories of one token by name or id; caches results for two minutes."""

    def __init__(self, mogplex: Mogplex, *, now: Callable[[], float] = time.time) -> None:
        self._mogplex = mogplex
        self._now = now
        self._cache: dict[tuple[str, str], tuple[float, Repo]] = {}
        self._names: dict[str, str] = {}
        self._listed = 0.0

    async def find(self, text: str, *, root_directory: str = "") -> Repo:
        """Return the repository for `owner/name`, a GitHub URL, a bare name or an id.

        Args:
            text: The name, URL or id.
            root_directory: Selects one row of a monorepo, whose rows share a name (mogplex-api.md, section 2, "Lists").

        Raises:
            RepoError: `NOT_FOUND` with similar names, or `INVALID_ARGUMENT` with the rows to choose from.
            MogplexError: The request failed.
        """
        key = without_quotes(text), root_directory.strip().strip("/")
        at, repo = self._cache.get(key, (0.0, None))
        if repo is None or not 0 <= self._now() - at < CACHE_SECONDS:
            repo = _without_secrets(await self._find(*key))
            if len(self._cache) >= MAX_CACHED_REPOS:
                self._cache.clear()
            self._cache[key] = (self._now(), repo)
        return repo

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of repositories by id; without those that aren't listed.

        Asks for the list at most once in two minutes, since hidden repositories are never in it.

        Raises:
            MogplexError: The request failed.
        """
        if not self._names.keys() >= set(ids) and not 0 <= self._now() - self._listed < CACHE_SECONDS:
            listed = await self._mogplex.list_repos(limit=200)
            self._names = {repo.id: _without_secrets(repo).full_name for repo in listed}
            self._listed = self._now()
        return self._names

    async def _find(self, text: str, root_directory: str) -> Repo:
        if repo_id := canonical_uuid(text, "repo"):
            listed = await self._mogplex.list_repos(repo_id=repo_id, limit=1)
            # A hidden repository isn't listed but can be used.
            return listed[0] if listed else Repo(id=repo_id)
        name = full_name(text)
        if not name or len(name) > _MAX_NAME_CHARACTERS:
            raise RepoError(
                ErrorCode.INVALID_ARGUMENT,
                f"repo must be owner/name or an id, but {'is empty' if not name else f'has {len(name)} characters'}.",
                RepoRemedy.LOOK_UP,
            )
        if _OTHER_HOST.match(name):
            raise RepoError(
                ErrorCode.INVALID_ARGUMENT,
                "repo must be owner/name, a GitHub address or an id, but is an address of another host.",
                RepoRemedy.LOOK_UP,
            )
        rows = _named(await self._mogplex.list_repos(query=name, limit=200), name)
        if root_directory and len(rows) > 1:
            rows = [row for row in rows if _directory(row) == root_directory] or rows
        if len(rows) == 1:
            return rows[0]
        raise _ambiguous(name, rows) if rows else await self._unknown(name)

    async def _unknown(self, name: str) -> RepoError:
        listed = await self._mogplex.list_repos(limit=200)
        names = sorted({row.full_name for row in listed if is_plain(row.full_name)})
        problem = f"Mogplex has no repository {clean_line(name, 100)} for this token"
        if not listed:
            return RepoError(ErrorCode.NOT_FOUND, problem, RepoRemedy.CONNECT)
        short = {full.rpartition("/")[2]: full for full in reversed(names)}
        similar = get_close_matches(name, names, n=MAX_SUGGESTIONS, cutoff=0.5)
        similar += [
            short[one] for one in get_close_matches(name.rpartition("/")[2], short, n=MAX_SUGGESTIONS, cutoff=0.5)
        ]
        candidates = list(dict.fromkeys(similar))[:MAX_SUGGESTIONS]
        said = "The nearest are" if candidates else "There are"
        shown = ", ".join(clean_line(one, 100) for one in candidates or names[:MAX_SUGGESTIONS]) or "(unusual names)"
        return RepoError(ErrorCode.NOT_FOUND, f"{problem}. {said} {shown}", RepoRemedy.NEAREST)


def _ambiguous(name: str, rows: Sequence[Repo]) -> RepoError:
    more = f" and {len(rows) - MAX_ROWS} more" if len(rows) > MAX_ROWS else ""
    listed = "; ".join(f"{_plain(row.id)} is {_shown(row)}" for row in rows[:MAX_ROWS])
    return RepoError(
        ErrorCode.INVALID_ARGUMENT,
        f"{clean_line(name, 100)} is {len(rows)} repositories on Mogplex: {listed}{more}",
        RepoRemedy.CHOOSE_ID,
    )


def full_name(text: str) -> str:
    """Return owner/name from a GitHub URL, which may be of a page of the repository; any other text unchanged."""
    text = without_quotes(_NAMED.sub("", without_quotes(text), count=1))
    if address := _GITHUB.match(text):
        text = address[1]
    elif not _OTHER_HOST.match(text):
        text = re.sub(r"\s*[/\\]+\s*", "/", text)
    return text.strip("/").removeprefix("@").removesuffix(".git")


def _named(rows: Sequence[Repo], name: str) -> list[Repo]:
    """Return the rows with that name: an exact match, else one that ignores case, else one that ignores the owner."""
    wanted = name.casefold()
    return (
        [row for row in rows if row.full_name == name]
        or [row for row in rows if row.full_name.casefold() == wanted]
        or [row for row in rows if row.full_name.rpartition("/")[2].casefold() == wanted]
    )


def _without_secrets(repo: Repo) -> Repo:
    """Clear fields that contain an API key, since they would be sent and stored again."""
    odd = [field for field in ("full_name", "default_branch", "root_directory") if find_key(getattr(repo, field))]
    return repo.model_copy(update=dict.fromkeys(odd, "")) if odd else repo


def _directory(row: Repo) -> str:
    return (row.root_directory or "").strip("/")


def _shown(row: Repo) -> str:
    where = f" in {_plain(row.root_directory)}" if row.root_directory else ""
    return f"{_plain(row.full_name)}{where}"


def _plain(text: str) -> str:
    return text if is_plain(text) else "(unusual name)"
