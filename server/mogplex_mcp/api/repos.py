"""From the name that a user says to the repository that Mogplex means."""

import re
import time
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import check_uuid
from mogplex_mcp.api.models import Repo
from mogplex_mcp.api.text import is_plain, one_line
from mogplex_mcp.core.redaction import find_key

REMEMBERED_SECONDS: Final = 120.0
REMEMBERED_NAMES: Final = 256
MOST_CANDIDATES: Final = 5
MOST_ROWS: Final = 12
_LONGEST_NAME: Final = 200
_GITHUB: Final = re.compile(r"(?:\w+://)?(?:git@)?(?:www\.)?github\.com[/:]([^/?#]+/[^/?#]+)", re.IGNORECASE)


class RepoHint(StrEnum):
    """What helps after a text that names no repository, or several."""

    LOOK_UP = "look up"
    NEAREST = "nearest"
    CHOOSE_ID = "choose an id"
    CONNECT = "connect GitHub"


class RepoError(MogplexError):
    """A text that names no repository, or several.

    Attributes:
        hint: What helps.
    """

    def __init__(self, code: ErrorCode, message: str, hint: RepoHint) -> None:
        super().__init__(code, message)
        self.hint = hint


class RepoFinder:
    """Finds repositories of one token by name or id, and remembers for two minutes what it found."""

    def __init__(self, mogplex: Mogplex, *, now: Callable[[], float] = time.time) -> None:
        self._mogplex = mogplex
        self._now = now
        self._remembered: dict[tuple[str, str], tuple[float, Repo]] = {}

    async def find(self, text: str, *, root_directory: str = "") -> Repo:
        """The repository that is meant by `owner/name`, a GitHub address, a bare name or an id.

        Args:
            text: What the user said.
            root_directory: Tells apart rows of one monorepo, which share a name (mogplex-api.md, section 2, "Lists").

        Raises:
            RepoError: `NOT_FOUND` with the nearest names, or `INVALID_ARGUMENT` with the rows to choose from.
            MogplexError: Mogplex could not be asked.
        """
        asked = text.strip(), root_directory.strip().strip("/")
        at, repo = self._remembered.get(asked, (0.0, None))
        if repo is None or not 0 <= self._now() - at < REMEMBERED_SECONDS:
            repo = _without_keys(await self._find(*asked))
            if len(self._remembered) >= REMEMBERED_NAMES:
                self._remembered.clear()
            self._remembered[asked] = (self._now(), repo)
        return repo

    async def _find(self, text: str, root_directory: str) -> Repo:
        if "/" not in text and (repo_id := _uuid(text)):
            listed = await self._mogplex.list_repos(repo_id=repo_id, limit=1)
            # A hidden repository is not listed but can be used.
            return listed[0] if listed else Repo(id=repo_id)
        name = _plain_name(text)
        if not name or len(name) > _LONGEST_NAME:
            raise RepoError(
                ErrorCode.INVALID_ARGUMENT,
                f"repo must be owner/name or an id, but {'is empty' if not name else f'has {len(name)} characters'}.",
                RepoHint.LOOK_UP,
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
        problem = f"Mogplex has no repository {one_line(name, 100)} for this token"
        if not listed:
            return RepoError(ErrorCode.NOT_FOUND, problem, RepoHint.CONNECT)
        short = {full.rpartition("/")[2]: full for full in reversed(names)}
        near = get_close_matches(name, names, n=MOST_CANDIDATES, cutoff=0.5)
        near += [short[one] for one in get_close_matches(name.rpartition("/")[2], short, n=MOST_CANDIDATES, cutoff=0.5)]
        candidates = list(dict.fromkeys(near))[:MOST_CANDIDATES]
        said = "The nearest are" if candidates else "There are"
        shown = ", ".join(one_line(one, 100) for one in candidates or names[:MOST_CANDIDATES]) or "(unusual names)"
        return RepoError(ErrorCode.NOT_FOUND, f"{problem}. {said} {shown}", RepoHint.NEAREST)


def _ambiguous(name: str, rows: Sequence[Repo]) -> RepoError:
    more = f" and {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
    listed = "; ".join(f"{_plain(row.id)} is {_shown(row)}" for row in rows[:MOST_ROWS])
    return RepoError(
        ErrorCode.INVALID_ARGUMENT,
        f"{one_line(name, 100)} is {len(rows)} repositories on Mogplex: {listed}{more}",
        RepoHint.CHOOSE_ID,
    )


def _uuid(text: str) -> str:
    try:
        return check_uuid(text, "repo")
    except MogplexError:
        return ""


def _plain_name(text: str) -> str:
    """owner/name out of an address on GitHub, such as that of a page inside the repository; other text as it is."""
    address = _GITHUB.match(text)
    return (address[1] if address else text).strip("/").removesuffix(".git")


def _named(rows: Sequence[Repo], name: str) -> list[Repo]:
    """The rows of that name: exactly, else whatever the case, else by the name behind the owner."""
    wanted = name.casefold()
    return (
        [row for row in rows if row.full_name == name]
        or [row for row in rows if row.full_name.casefold() == wanted]
        or [row for row in rows if row.full_name.rpartition("/")[2].casefold() == wanted]
    )


def _without_keys(repo: Repo) -> Repo:
    """The repository without names that hold a key: they would be sent and written down again."""
    odd = [field for field in ("full_name", "default_branch", "root_directory") if find_key(getattr(repo, field))]
    return repo.model_copy(update=dict.fromkeys(odd, "")) if odd else repo


def _directory(row: Repo) -> str:
    return (row.root_directory or "").strip("/")


def _shown(row: Repo) -> str:
    where = f" in {_plain(row.root_directory)}" if row.root_directory else ""
    return f"{_plain(row.full_name)}{where}"


def _plain(text: str) -> str:
    return text if is_plain(text) else "(unusual name)"
