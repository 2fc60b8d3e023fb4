"""Reviews of pull requests."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mogplex_mcp.core.cleaning import clean_line, sanitize_word
from mogplex_mcp.operations import repos
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.schema import text
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.repos import RepoName

toolset = Toolset("reviews", "Reviews of pull requests.", by_default=False)


class QueuedReview(Reply):
    """What came of asking for a review."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = {"reason": text("What Mogplex answered, in its own words.")}
    pr_number: int = Field(description="Number of the pull request.")
    queued: bool | None = Field(None, description="It waits to be started.")
    started: bool = Field(description="Whether the review has started.")
    deferred: bool = Field(description="Whether Mogplex starts the review later.")
    run_id: str = Field("", description="Id of the run that reviews.")
    status: str = Field("", description="State of the review.")


@toolset.tool("Review a pull request again", Hints(reads_only=False, idempotent=False, open_world=True))
async def rerun_pr_review(
    call: Call,
    repo: RepoName,
    pr_number: Annotated[
        int, Field(description="The number of the pull request on GitHub, such as 42.", ge=1, le=2_147_483_647)
    ],
) -> QueuedReview:
    """Let Mogplex review a pull request again; the findings appear on the pull request.

    Each call queues one more review, which costs money: do not repeat it.
    """
    answer = await repos.rerun_pr_review(call, repo=repo, pr_number=pr_number)
    if answer.started:
        summary = f"The review of pull request {pr_number} was started."
    elif answer.deferred:
        summary = f"The review of pull request {pr_number} was put off; Mogplex starts it later."
    elif answer.queued:
        summary = f"The review of pull request {pr_number} is queued."
    elif answer.queued is None:
        summary = f"Mogplex took the request for pull request {pr_number}, but did not say what came of it."
    else:
        summary = f"Mogplex queued no review of pull request {pr_number}."
    reason = clean_line(answer.reason or "", 300)
    return QueuedReview(
        summary=summary,
        pr_number=pr_number,
        queued=answer.queued,
        started=answer.started,
        deferred=answer.deferred,
        run_id=sanitize_word(answer.job_run_id or "", ""),
        status=sanitize_word(answer.status or "", ""),
        notes=["Do not call it again for the same review: each call queues one more."],
        untrusted={"reason": reason} if reason else {},
    )
