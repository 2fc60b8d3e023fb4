"""The repositories that Mogplex can work on."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field
from typing_extensions import TypedDict

from mogplex_mcp.api.models import Repo
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.untrusted import clean_line, name, word
from mogplex_mcp.tools.call import Call
from mogplex_mcp.tools.toolset import Hints, Toolset
from mogplex_mcp.tools.wording import counted

toolset = Toolset("repos", "Find repositories.")

MOST_REPOS: Final = 200
# From here on a list tells once what nearly all of its rows share, and no ids that names make needless.
_LONG_LIST: Final = 20


class RepoRow(TypedDict, total=False):
    """One repository; rows of a monorepo share the name and differ in the directory.

    Short rows of a long list leave out what goes without saying.

    No model: of these there are up to 200 in an answer, and making a model takes ten times as long as a dictionary.
    """

    repo: str
    default_branch: str
    root_directory: str
    id: str


class RepoList(Reply):
    """Repositories.

    Attributes:
        default_branch: That of all rows which name no other.
    """

    narrow: ClassVar[str] = "Call list_repos with a part of the name as query."
    default_branch: str = ""
    repos: tuple[RepoRow, ...] = ()

    def structured(self) -> dict[str, Any]:
        """The answer as JSON, a long list in few words: what a model has to read."""
        if len(self.repos) < _LONG_LIST:
            return super().structured()
        names = Counter(row["repo"] for row in self.repos)
        branches = Counter(row["default_branch"] for row in self.repos)
        # Where one is not known, its row would seem to have the usual one.
        usual = "" if "" in branches else branches.most_common(1)[0][0]
        rows = tuple(_short(row, usual, names_it=names[row["repo"]] == 1) for row in self.repos)
        return Reply.structured(self.model_copy(update={"default_branch": usual, "repos": rows}))


@toolset.tool("List repositories", Hints())
async def list_repos(
    call: Call,
    query: Annotated[str, Field(description="Part of owner/name; empty: all.")] = "",
    limit: Annotated[int, Field(description="1 to 200.", ge=1, le=MOST_REPOS)] = 50,
) -> RepoList:
    """List the GitHub repositories that Mogplex can work on, to find repo for start_run.

    Rows of a monorepo share a name: pass their id.
    """
    query = query.strip()
    found = await call.tenant.mogplex.list_repos(query=query, limit=limit)
    rows = [_row(repo) for repo in found]
    notes = []
    if len(found) >= limit:
        raised = "" if limit == MOST_REPOS else f" or raise limit (at most {MOST_REPOS})"
        notes.append(f"There may be more, and Mogplex has no pages: narrow the list with query{raised}.")
    if not found:
        notes.append(
            "Try a shorter query." if query else "The user has to connect GitHub on the Mogplex web page first."
        )
    steps = []
    if len(rows) == 1:
        wanted = rows[0]["id" if found[0].root_directory else "repo"]
        steps.append(NextStep(tool="start_run", arguments={"repo": wanted}, why="let an agent work on it; add prompt"))
    what = f" for {clean_line(query, 60)!r}" if query else ""
    return RepoList(
        summary=f"{counted(len(found), 'repository', 'repositories')}{what}.",
        repos=rows,
        notes=notes,
        untrusted=_unusual(found, rows),
        next_steps=steps,
    )


def _row(repo: Repo) -> RepoRow:
    own_id = word(repo.id)
    return RepoRow(
        repo=name(repo.full_name, own_id),
        default_branch=name(repo.default_branch or ""),
        root_directory=name(repo.root_directory or ""),
        id=own_id,
    )


def _short(row: RepoRow, usual_branch: str, *, names_it: bool) -> RepoRow:
    """The row in few words: without the usual branch, and without the id where the name alone names the repository."""
    short = RepoRow(repo=row["repo"])
    if row["default_branch"] != usual_branch:
        short["default_branch"] = row["default_branch"]
    if row["root_directory"]:
        short["root_directory"] = row["root_directory"]
    if not names_it:
        short["id"] = row["id"]
    return short


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
