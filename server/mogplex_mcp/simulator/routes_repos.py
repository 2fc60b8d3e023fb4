"""`GET /repos`."""

import re
from typing import Any

from . import formats
from .context import Endpoint, RouteContext, Routes
from .messages import Response, internal_error, ok
from .world import Repo

_MOST = 200
_DEFAULT = 100


async def list_repos(context: RouteContext) -> Response:
    """List the caller's repos by name, without hidden ones."""
    query, wanted = context.request.query.get("q", "").strip(), context.request.query.get("id", "").strip()
    if "\0" in query or "\0" in wanted:
        raise internal_error("Failed to list repos")
    repos = [repo for repo in context.world.repos if repo.user_id == context.user.id and not repo.hidden]
    if wanted:
        # An exact match, in the usual spelling only; `q` is then ignored.
        repos = [repo for repo in repos if formats.is_plain_uuid(wanted) and repo.id == wanted.lower()]
    elif query:
        pattern = _like(query)
        repos = [repo for repo in repos if pattern.fullmatch(repo.full_name)]
    # Names sort as in the recorded deployment's locale: letters and digits first decide, case does not.
    repos.sort(key=lambda repo: (re.sub(r"[^\w]", "", repo.full_name).replace("_", "").casefold(), repo.full_name))
    return ok({"repos": [_public(repo) for repo in repos[: context.limit(_DEFAULT, _MOST)]]})


def _like(query: str) -> re.Pattern[str]:
    r"""Translate a SQL ILIKE pattern into a regular expression: `%` and `_` are wildcards, `\` escapes."""
    pieces: list[str] = [".*"]
    characters = iter(query + "%")
    for character in characters:
        if character == "\\":
            pieces.append(re.escape(next(characters, "\\")))
        else:
            pieces.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    return re.compile("".join(pieces), re.IGNORECASE | re.DOTALL)


def _public(repo: Repo) -> dict[str, Any]:
    return {
        "id": repo.id,
        "full_name": repo.full_name,
        "installation_id": repo.installation_id,
        "default_branch": repo.default_branch,
        "root_directory": repo.root_directory,
    }


ROUTES: Routes = {"/repos": {"GET": Endpoint(list_repos)}}
