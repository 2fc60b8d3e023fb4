"""The results of tools about runs of automations: their fields, for programs."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import BaseModel, Field

from mogplex_mcp.reply.model import ListReply, Reply, Time, Uuid
from mogplex_mcp.reply.schema import rows, text

_STATUS: Final = text("State that it is in, in the word of Mogplex.")


class AutomationRunRow(BaseModel):
    """One run of a list."""

    run_id: str = Field(description="Run id: what get_automation_run takes.")
    status: str = Field(description="Run state: Mogplex's own word, such as pending, streaming or success.")
    repo: str = Field("", description="owner/name or id: the id where the name is not known.")
    created: Time | None = Field(None, description="When triggered: the time at Mogplex.")
    seconds: float | None = Field(None, description="How long it took.")
    never_started: bool | None = Field(None, description="No worker took it: it has done nothing.")


class AutomationRunList(ListReply):
    """Runs of an automation, the newest first."""

    narrow: ClassVar[str] = "Call list_automation_runs with a smaller limit."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "runs": rows(
            "What others wrote about the same ones, row by row.",
            run_id=text("Id that ties it to its row."),
            error=text("Why it failed, in the words of Mogplex or of its code."),
        )
    }
    automation_id: Uuid = Field(description="Automation id: what get_automation and trigger_automation take.")
    runs: Sequence[AutomationRunRow] = Field(description="Newest first: one row for each run.")


class AutomationRunDetails(ListReply):
    """One run of an automation."""

    narrow: ClassVar[str] = "Call get_automation_run with detail."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "error": text("Why it failed, in the words of Mogplex or of its code."),
        "nodes": rows(
            "The nodes that have run, or are to run.",
            node=text("Id of the node in the graph."),
            type=text("Kind of node, such as start or agent."),
            status=_STATUS,
            error=text("Why it failed, in the words of Mogplex."),
        ),
        "findings": rows(
            "What its reviews have found.",
            severity=text("How bad it is."),
            title=text("What it is about."),
            path=text("File that it is in."),
        ),
        "waits": rows(
            "Questions that it waits to be answered.",
            node=text("Id of the node that asks."),
            kind=text("Kind of question, such as an approval."),
            status=_STATUS,
            prompt=text("What it asks, in the words of its author."),
        ),
        "json_lines": text("The page of detail."),
    }
    run_id: str = Field(description="Run id: what get_automation_run takes.")
    automation_id: Uuid = Field(description="Automation id: what get_automation and trigger_automation take.")
    status: str = Field(description="Run state: Mogplex's own word, such as pending, streaming or success.")
    ended: bool = Field(description="Whether it is over.")
    repo: str = Field("", description="owner/name or id: the id where the name is not known.")
    created: Time | None = Field(None, description="When triggered: the time at Mogplex.")
    seconds: float | None = Field(None, description="How long it took.")
    source: str = Field("", description="What triggered it: in the word of Mogplex.")
    tokens: int | None = Field(None, description="Tokens used: as Mogplex counts them.")
    cost_usd: float | None = Field(None, description="In US dollars: what it cost, as Mogplex counts.")
    parts: Mapping[str, int] = Field(
        {}, description="Items by detail: how many there are to see with each value of detail."
    )
    page: int | None = Field(None, description="Page of detail: the one that is in untrusted.")
    pages: int | None = Field(None, description="Its pages: how many there are.")


class TriggeredAutomation(Reply):
    """What came of a trigger."""

    automation_id: Uuid = Field(description="Automation id: what get_automation and trigger_automation take.")
    run_id: Uuid = Field("", description="Run id: what get_automation_run takes.")
    started: bool = Field(description="A new run began: by this call.")
    replayed: bool = Field(description="Found, not triggered: an earlier call had made the same run.")
    status: str = Field("", description="Run state: Mogplex's own word, such as pending, streaming or success.")
    reason: str = Field("", description="Why no run began.")
