"""Environment variables of a repository's deployment. Values go in and never come out, not even in an error."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field

from mogplex_mcp.api.models import EnvVar, Repo
from mogplex_mcp.core.cleaning import clean_line, sanitize_word
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations import env_vars
from mogplex_mcp.operations.env_vars import MOST_VALUE_CHARACTERS, Target, changed_at, is_usual_key
from mogplex_mcp.reply.model import ListReply, NextStep, Reply, Time
from mogplex_mcp.reply.schema import texts
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.repos import RepoName

toolset = Toolset("env_vars", "Environment variables of a repository's deployment.", by_default=False)

_EVERYWHERE: Final[list[Target]] = []

Key = Annotated[
    str, Field(description="The name of the variable: letters, digits and _, not a digit first, such as API_URL.")
]
# What is no text is replaced before it is checked: an error would quote it.
Value = Annotated[
    str,
    Field(description="The value, 1 to 65536 characters. No tool shows it again.", max_length=MOST_VALUE_CHARACTERS),
    BeforeValidator(lambda value: value if isinstance(value, str) else None),
]


class EnvVarRow(BaseModel):
    """One variable."""

    key: str = Field(description="Name of the variable.")
    target: Sequence[str] = Field((), description="Deployments that get it.")
    kind: str = Field("", description="How it is kept.")
    updated: Time | None = Field(None, description="When it was last changed.")


class EnvVarList(ListReply):
    """Variables of a repository, without values."""

    narrow: ClassVar[str] = "The Mogplex web page shows all of them."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {"unusual_names": texts("Names that could be more than names.")}
    env_vars: Sequence[EnvVarRow] = Field(description="The variables, without values.")


class EnvVarChange(Reply):
    """What was done to a variable."""

    key: str = Field(description="Name of the variable.")
    action: str = Field(description="What was done with it.")
    count: int | None = Field(None, description="How many were changed.")


@toolset.tool("List environment variables", Hints())
async def list_env_vars(call: Call, repo: RepoName) -> EnvVarList:
    """List the environment variables of a repository's deployment: names, targets, kinds. Values can't be read.

    Costs one request.
    """
    found = await env_vars.list_env_vars(call, repo=repo)
    odd = [clean_line(one.key, 100) for one in found if not is_usual_key(one.key)]
    return EnvVarList(
        summary=f"{counted(len(found), 'environment variable')}.",
        env_vars=[_row(one) for one in found],
        untrusted={"unusual_names": odd} if odd else {},
    )


@toolset.tool("Set an environment variable", Hints(reads_only=False, destructive=True))
async def set_env_var(
    call: Call,
    *,
    repo: RepoName,
    key: Key,
    value: Value,
    target: Annotated[
        list[Target], Field(description="The deployments that get it. Default: all three.")
    ] = _EVERYWHERE,
    kind: Annotated[
        Literal["default", "encrypted", "plain", "sensitive"],
        Field(
            description="How Mogplex stores the value: as plain text, encrypted, or as sensitive, the strictest. "
            "Default: Mogplex chooses."
        ),
    ] = "default",
) -> EnvVarChange:
    """Create an environment variable of a repository, or overwrite every one of this name.

    The user is asked first and shown what changes. It takes effect with the next deployment.
    """
    setting = await env_vars.set_env_var(
        call, repo=repo, key=key, value=value, target=target, kind="" if kind == "default" else kind
    )
    done = setting.result
    return EnvVarChange(
        summary=f"{key} was {sanitize_word(done.action, 'set')}.",
        key=key,
        action=sanitize_word(done.action, "set"),
        count=done.updated_count,
        notes=["It takes effect with the next deployment."],
        next_steps=[_list_step(setting.repo)],
    )


@toolset.tool("Delete an environment variable", Hints(reads_only=False, destructive=True))
async def delete_env_var(call: Call, repo: RepoName, key: Key) -> EnvVarChange:
    """Delete every environment variable of this name from a repository, for good.

    The user is asked first and shown what is deleted.
    """
    deletion = await env_vars.delete_env_var(call, repo=repo, key=key)
    if deletion.result is None:
        return EnvVarChange(
            summary=f"There is no {key}; nothing was deleted.",
            key=key,
            action="none",
            count=0,
            next_steps=[_list_step(deletion.repo)],
        )
    count = deletion.result.deleted_count
    if count is None:
        summary = f"Mogplex took the request, but did not say whether {key} was deleted."
    else:
        summary = f"{key} was deleted." if count else f"Mogplex found no {key} to delete."
    return EnvVarChange(
        summary=summary,
        key=key,
        action="deleted" if count else "none" if count == 0 else "unknown",
        count=count,
        next_steps=[_list_step(deletion.repo)],
    )


def _row(one: EnvVar) -> EnvVarRow:
    return EnvVarRow(
        key=one.key if is_usual_key(one.key) else "(unusual name)",
        target=[sanitize_word(target) for target in one.target],
        kind=sanitize_word(one.type, ""),
        updated=changed_at(one),
    )


def _list_step(repo: Repo) -> NextStep:
    return NextStep(tool="list_env_vars", arguments={"repo": sanitize_word(repo.id)}, why="see what is there now")
