"""The results of tools about one run: their fields, for programs."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import BaseModel, Field

from mogplex_mcp.reply.model import Link, ListReply, Reply, Time, Uuid
from mogplex_mcp.reply.schema import text, texts
from mogplex_mcp.runs.outcome import Phase

_BRANCHES: Final = {"base_branch": text("It starts from it."), "working_branch": text("It works on it.")}
_EVENTS: Final = {
    "events": texts("What it reported."),
    "failure": text("Why it failed."),
    "reported_link": text("Not its pull request."),
}
_LATEST: Final = {"latest": texts("The last event of each, or why it failed.")}


class RunReply(Reply):
    """A reply about one run."""

    run_id: Uuid = Field(description="Run id.")
    repo: str = Field("", description="owner/name or id.")
    status: str = Field(description="Run state.")

    @property
    def resource(self) -> str:
        """The URI of the run."""
        return f"mogplex://runs/{self.run_id}"


class StartedRun(RunReply):
    """A run that was started, or found to be going on already."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = _BRANCHES
    repo: str = Field(description="owner/name or id.")
    harness: str = Field("", description="Coding agent.")
    replayed: bool = Field(description="Found, not started.")
    pull_request: Link = Field("", description="It updates it.")
    web_page: Link = Field(description="Web page.")


class FollowedRun(BaseModel):
    """One of several runs that were followed."""

    run_id: Uuid = Field(description="Run id.")
    repo: str = Field("", description="owner/name or id.")
    status: str = Field(description="Run state.")
    phase: str = Field(description="How far it is.")
    pull_request: Link = Field("", description="Its address.")
    news: str = Field("", description="Why it ends the wait.")
    new_events: int = Field(0, description="How many.")


class RunNews(RunReply):
    """What is new in a run, or in the first of several that has news."""

    narrow: ClassVar[str] = "Call get_run for an overview."
    untrusted_schema: ClassVar[Mapping[str, Any]] = _EVENTS | _LATEST
    phase: Phase = Field(description="How far it is.")
    pull_request: Link = Field("", description="Its address.")
    changed: bool | None = Field(None, description="Code was changed.")
    exit_code: int | None = Field(None, description="That of the agent.")
    failure_code: str = Field("", description="Kind of failure.")
    stale: bool | None = Field(None, description="Silent for long.")
    truncated_upstream: bool | None = Field(None, description="Mogplex cut events.")
    web_page: Link = Field(description="Web page.")
    cursor: str = Field("", description="For the next call.")
    runs: tuple[FollowedRun, ...] = Field((), description="All of run_ids.")


class RunDetails(RunReply, ListReply):
    """One run as it stands."""

    narrow: ClassVar[str] = "Mogplex's own page of the run has the rest."
    untrusted_schema: ClassVar[Mapping[str, Any]] = _BRANCHES | _EVENTS
    repo_id: str = Field("", description="Id of the repo.")
    phase: Phase = Field(description="How far it is.")
    harness: str = Field("", description="Coding agent.")
    created: Time | None = Field(None, description="When started.")
    updated: Time | None = Field(None, description="Last state change.")
    pull_request: Link = Field("", description="Its address.")
    changed: bool | None = Field(None, description="Code was changed.")
    exit_code: int | None = Field(None, description="That of the agent.")
    failure_code: str = Field("", description="Kind of failure.")
    sandbox_id: str = Field("", description="Id of its sandbox.")
    truncated_upstream: bool | None = Field(None, description="Mogplex cut events.")
    web_page: Link = Field(description="Web page.")


class CancelledRun(RunReply):
    """What stopping a run came to."""

    already_terminal: bool = Field(description="It had ended before.")
