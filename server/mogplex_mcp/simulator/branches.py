"""Branches and root directory of a run or a sandbox, read from a request body."""

import re
from dataclasses import dataclass
from typing import Any

from .formats import derived_id
from .messages import bad_request
from .world import Repo

# What git refuses in a reference name (git-check-ref-format), as far as people type it.
_BAD_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\Z|\.\Z|\.lock\Z|\A[./-]")
_LONGEST_BRANCH = 255


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a run or a sandbox checks out."""

    base: str
    working: str
    create_branch: bool
    root_directory: str | None


def checkout_of(body: dict[str, Any], repo: Repo, seed: str) -> Checkout:
    """Read branches and directory from a body; what is missing or of the wrong type comes from the repo.

    Args:
        body: the request's body.
        repo: its repo.
        seed: the same seed always gives the same generated branch name, so that a replay finds its run.

    Raises:
        ApiError: a branch or the directory is invalid.
    """
    base = _branch(body.get("baseBranch"), "base") or repo.default_branch
    create_branch = body.get("createBranch") is True
    generated = f"mogplex/external/{derived_id(seed)[:8]}-{derived_id(seed, 'branch')[:8]}"
    working = _branch(body.get("workingBranch"), "working") or (generated if create_branch else base)
    if create_branch and working == base:
        raise bad_request("Working branch must differ from base branch when createBranch is true")
    return Checkout(base, working, create_branch, _root_directory(body.get("rootDirectory"), repo))


def _branch(value: Any, which: str) -> str | None:
    name = value.strip() if isinstance(value, str) else ""
    if not name:
        return None
    if len(name) > _LONGEST_BRANCH or _BAD_BRANCH.search(name):
        raise bad_request(f"Invalid {which} branch")
    return name


def _root_directory(value: Any, repo: Repo) -> str | None:
    if value is None:
        return repo.root_directory
    if not isinstance(value, str):
        raise bad_request("Invalid root directory")
    directory = value.strip().strip("/")
    if ".." in directory.split("/") or "\\" in directory:
        raise bad_request("Invalid root directory")
    return directory or None
