"""The repositories that Mogplex can work on."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field
from typing_extensions import TypedDict

from mogplex_mcp.api.models import Repo
from mogplex_mcp.api.text import is_plain
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations import repos
from mogplex_mcp.operations.repos import MOST_REPOS
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.untrusted import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset

toolset = Toolset("repos", "Find repositories.")

# From here on a list tells once what nearly all of its rows share, and no ids that names make needless.
_LONG_LIST: Final = 20


class RepoRow(TypedDict, total=False):
    """One repository; rows of a monorepo share the name and differ in the directory.

    Rows of a long list leave out what goes without saying.
    """

    repo: str
    default_branch: str
    root_directory: str
    id: str


class RepoList(Reply):
    """Repositories.

    Attributes:
        default_branch: That of all which name no other.
        repo_names: Of a long list, those of which there is nothing else to say.
        repos: All others.
    """

    narrow: ClassVar[str] = "Call list_repos with a part of the name as query."
    default_branch: str = ""
    repo_names: tuple[str, ...] = ()
    repos: tuple[RepoRow, ...] = ()

    @classmethod
    def of(cls, found: Sequence[Repo], **others: Any) -> Self:
        """The list of these repositories.

        Args:
            found: The repositories.
            others: Summary, notes and next steps.
        """
        short = _Short(found) if len(found) >= _LONG_LIST else None
        spoken_of = short.not_plain if short else found
        rows = [row_of(repo) for repo in spoken_of]
        return cls(
            default_branch=short.default_branch if short else "",
            repo_names=short.names if short else (),
            repos=[short.row(row) for row in rows] if short else rows,
            untrusted=_unusual(spoken_of, rows),
            **others,
        )


class _Short:
    """The short form of a long list: shared values once, and ids only where names repeat."""

    def __init__(self, found: Sequence[Repo]) -> None:
        branches = Counter([repo.default_branch for repo in found])
        # Where one is not known, its row would seem to have the usual one.
        known = all(branch and is_plain(branch) for branch in branches)
        self.default_branch = (branches.most_common(1)[0][0] or "") if known else ""
        self._rows_of_name = Counter([repo.full_name for repo in found])
        self.names: list[str] = []
        self.not_plain: list[Repo] = []
        for repo in found:
            # Whether the name is all that has to be said.
            if (
                repo.default_branch == self.default_branch
                and not repo.root_directory
                and self._rows_of_name[repo.full_name] == 1
                and is_plain(repo.full_name)
            ):
                self.names.append(repo.full_name)
            else:
                self.not_plain.append(repo)

    def row(self, row: RepoRow) -> RepoRow:
        """The row in few words."""
        short = RepoRow(repo=row["repo"])
        if row["default_branch"] != self.default_branch:
            short["default_branch"] = row["default_branch"]
        if row["root_directory"]:
            short["root_directory"] = row["root_directory"]
        if self._rows_of_name[row["repo"]] > 1:
            short["id"] = row["id"]
        return short


@toolset.tool("List repositories", Hints(), always_load=True)
async def list_repos(
    call: Call,
    query: Annotated[str, Field(description="Part of owner/name, such as web. Default: all.")] = "",
    limit: Annotated[
        int, Field(description="How many to return at most, 1 to 200. Default: 50.", ge=1, le=MOST_REPOS)
    ] = 50,
) -> RepoList:
    """List the GitHub repositories that Mogplex can work on, to find what to give as repo to other tools.

    Costs one request. Rows of a monorepo share a name and differ in root_directory: give the id.
    """
    return list_reply(await repos.list_repos(call, query=query, limit=limit), limit)


def list_reply(search: repos.RepoSearch, limit: int) -> RepoList:
    """Return the answer to list_repos."""
    found, query = search.repos, search.query
    notes = []
    if search.may_be_more:
        raised = "" if limit == MOST_REPOS else f" or raise limit (at most {MOST_REPOS})"
        notes.append(f"There may be more, and Mogplex has no pages: narrow the list with query{raised}.")
    if not found:
        notes.append(
            "Try a shorter query." if query else "The user has to connect GitHub on the Mogplex web page first."
        )
    steps = []
    if len(found) == 1:
        wanted = row_of(found[0])["id" if found[0].root_directory else "repo"]
        steps.append(NextStep(tool="start_run", arguments={"repo": wanted}, why="let an agent work on it; add prompt"))
    what = f" for {clean_line(query, 60)!r}" if query else ""
    return RepoList.of(
        found,
        summary=f"{counted(len(found), 'repository', 'repositories')}{what}.",
        notes=notes,
        next_steps=steps,
    )


def row_of(repo: Repo) -> RepoRow:
    """A repository as it is shown."""
    own_id = sanitize_word(repo.id)
    return RepoRow(
        repo=sanitize_name(repo.full_name, own_id),
        default_branch=sanitize_name(repo.default_branch or ""),
        root_directory=sanitize_name(repo.root_directory or ""),
        id=own_id,
    )


def _unusual(repos: Sequence[Repo], rows: Sequence[RepoRow]) -> dict[str, list[str]]:
    """What the rows do not show as it is: names that could be more than names, such as sentences."""
    lines = [
        f"{row['id']}: {clean_line(text, 100)}"
        for repo, row in zip(repos, rows, strict=True)
        for text, shown in (
            (repo.full_name, row["repo"]),
            (repo.default_branch, row["default_branch"]),
            (repo.root_directory, row["root_directory"]),
        )
        if text and text != shown
    ]
    return {"unusual_names": lines} if lines else {}
