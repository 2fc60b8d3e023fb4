"""The results of tools about one run: their fields, for programs."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import BaseModel, Field

from mogplex_mcp.reply.model import Link, ListReply, Reply, Time, Uuid
from mogplex_mcp.reply.schema import text, texts
from mogplex_mcp.runs.outcome import Phase

_BRANCHES: Final = {
    "base_branch": text("Branch that it starts from."),
    "working_branch": text("Branch that it works on."),
}
_EVENTS: Final = {
    "events": texts("What it reported, one line for each event or group of events."),
    "failure": text("Why it failed, in the words of Mogplex or of the agent."),
    "reported_link": text("A link that it reported and that is not its pull request."),
}
_LATEST: Final = {"latest": texts("The last event of each, or why it failed.")}


class RunReply(Reply):
    """A reply about one run."""

    run_id: Uuid = Field(description="Run id: what tail_run, get_run and cancel_run take.")
    repo: str = Field("", description="owner/name or id: the id where the name is not known.")
    status: str = Field(description="Run state: Mogplex's own word, such as pending, streaming or success.")

    @property
    def resource(self) -> str:
        """The URI of the run."""
        return f"mogplex://runs/{self.run_id}"


class StartedRun(RunReply):
    """A run that was started, or found to be going on already."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = _BRANCHES
    repo: str = Field(description="owner/name or id: the id where the name is not known.")
    harness: str = Field("", description="Coding agent: codex or claude-code.")
    replayed: bool = Field(description="Found, not started: an earlier call had started the same run.")
    pull_request: Link = Field("", description="It updates it: the open pull request of the run that it continues.")
    web_page: Link = Field(description="Web page: where people look at it, on the configured Mogplex.")


class FollowedRun(BaseModel):
    """One of several runs that were followed."""

    run_id: Uuid = Field(description="Run id: what tail_run, get_run and cancel_run take.")
    repo: str = Field("", description="owner/name or id: the id where the name is not known.")
    status: str = Field(description="Run state: Mogplex's own word, such as pending, streaming or success.")
    phase: str = Field(description="How far it is: from queued to done, failed or cancelled.")
    pull_request: Link = Field("", description="Its address: the pull request on GitHub, once it is open.")
    news: str = Field("", description="Why it ends the wait, if it does.")
    new_events: int = Field(0, description="How many events are new since the cursor.")


class RunNews(RunReply):
    """What is new in a run, or in the first of several that has news."""

    narrow: ClassVar[str] = "Call get_run for an overview."
    untrusted_schema: ClassVar[Mapping[str, Any]] = _EVENTS | _LATEST
    phase: Phase = Field(description="How far it is: from queued to done, failed or cancelled.")
    pull_request: Link = Field("", description="Its address: the pull request on GitHub, once it is open.")
    changed: bool | None = Field(None, description="Code was changed: whether the agent reported changes.")
    exit_code: int | None = Field(None, description="That of the agent: its exit status, 0 if it succeeded.")
    failure_code: str = Field("", description="Kind of failure: the code that Mogplex gives.")
    stale: bool | None = Field(None, description="Silent for long: it may have died; the notes say what to do.")
    truncated_upstream: bool | None = Field(
        None, description="Mogplex cut events: of a long run it returns the oldest ones only."
    )
    web_page: Link = Field(description="Web page: where people look at it, on the configured Mogplex.")
    cursor: str = Field("", description="For the next call: what cursor takes; none once there is nothing to wait for.")
    runs: tuple[FollowedRun, ...] = Field((), description="All of run_ids: a row for each, in the order given.")


class RunDetails(RunReply, ListReply):
    """One run as it stands."""

    narrow: ClassVar[str] = "Mogplex's own page of the run has the rest."
    untrusted_schema: ClassVar[Mapping[str, Any]] = _BRANCHES | _EVENTS
    repo_id: str = Field("", description="Id of the repo: at Mogplex.")
    phase: Phase = Field(description="How far it is: from queued to done, failed or cancelled.")
    harness: str = Field("", description="Coding agent: codex or claude-code.")
    created: Time | None = Field(None, description="When started: the time at Mogplex.")
    updated: Time | None = Field(None, description="Last state change: the time at Mogplex.")
    pull_request: Link = Field("", description="Its address: the pull request on GitHub, once it is open.")
    changed: bool | None = Field(None, description="Code was changed: whether the agent reported changes.")
    exit_code: int | None = Field(None, description="That of the agent: its exit status, 0 if it succeeded.")
    failure_code: str = Field("", description="Kind of failure: the code that Mogplex gives.")
    sandbox_id: str = Field("", description="Id of its sandbox: what get_sandbox_logs takes.")
    truncated_upstream: bool | None = Field(
        None, description="Mogplex cut events: of a long run it returns the oldest ones only."
    )
    web_page: Link = Field(description="Web page: where people look at it, on the configured Mogplex.")


class CancelledRun(RunReply):
    """What stopping a run came to."""

    already_terminal: bool = Field(description="It had ended before: nothing was stopped.")
