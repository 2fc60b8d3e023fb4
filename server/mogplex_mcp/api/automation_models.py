"""What Mogplex answers about automations (mogplex-api.md, section 1), as `models` tells the rest."""

from pydantic import AliasChoices, AliasPath, Field

from mogplex_mcp.api.lenient import Flag, Id, Int, Items, Json, Lenient, Moment, Record, Text, Uuid


class PublishedVersion(Record):
    """What of an automation is live."""

    id: Text = ""
    version_number: Lenient[Int] = None
    graph: Json = Field(default_factory=dict)
    created_at: Moment = None


class Automation(Record):
    """An automation as lists show it."""

    id: Id
    installation_id: Lenient[Int] = None
    name: Text = ""
    description: Lenient[str] = None
    status: Text = ""
    published_version_id: Lenient[str] = Field(
        default=None,
        validation_alias=AliasChoices(
            "publishedVersionId", AliasPath("publishedVersion", "id"), "published_version_id"
        ),
    )
    created_at: Moment = None
    updated_at: Moment = None


class AutomationDetail(Automation):
    """An automation with its graphs, which are kept as they came: writing replaces a graph as a whole."""

    notes: Lenient[str] = None
    draft_graph: Json = Field(default_factory=dict)
    published_version: Lenient[PublishedVersion] = None


class AutomationPage(Record):
    """Some automations; following `next_cursor` was seen to fail every time (mogplex-api.md, section 2, "Lists")."""

    automations: list[Automation]
    next_cursor: Lenient[str] = None


class AutomationRun(Record):
    """One run of an automation. Metadata and ids of users are left out on purpose."""

    id: Id
    automation_id: Lenient[str] = Field(default=None, validation_alias="flow_id")
    status: Text = ""
    source_kind: Lenient[str] = None
    source_type: Lenient[str] = None
    repo_id: Lenient[str] = Field(default=None, validation_alias=AliasPath("repo", "id"))
    repo_full_name: Lenient[str] = Field(default=None, validation_alias=AliasPath("repo", "full_name"))
    agent_name: Lenient[str] = Field(default=None, validation_alias=AliasPath("agent", "name"))
    created_at: Moment = None
    started_at: Moment = None
    completed_at: Moment = None
    duration_ms: Lenient[Int] = None
    input_tokens: Lenient[Int] = None
    output_tokens: Lenient[Int] = None
    cost_usd: Lenient[float] = None
    error: Lenient[str] = None
    start_attempts: Lenient[Int] = None
    last_start_error: Lenient[str] = None
    cancel_reason: Lenient[str] = None
    cancelable: Lenient[bool] = None
    active_wait_count: Lenient[Int] = None


class NodeRun(Record):
    """One node of an automation's run; `output` is raw."""

    node_id: Text = ""
    node_type: Text = ""
    node_label: Lenient[str] = None
    status: Text = ""
    started_at: Moment = None
    completed_at: Moment = None
    duration_ms: Lenient[Int] = None
    error: Lenient[str] = None
    output: Json = Field(default_factory=dict)


class DispatchEvent(Record):
    """How a run of an automation came to start."""

    event_kind: Text = ""
    outcome: Text = ""
    reason: Lenient[str] = None
    created_at: Moment = None


class AiCall(Record):
    """One call of a language model within an automation's run, without its prompt."""

    type: Text = ""
    model: Lenient[str] = None
    status: Text = ""
    total_tokens: Lenient[Int] = None
    tool_calls_count: Lenient[Int] = None
    cost_usd: Lenient[float] = None
    error: Lenient[str] = None
    started_at: Moment = None
    completed_at: Moment = None


class ReviewFinding(Record):
    """Something that a review found."""

    severity: Text = ""
    title: Text = ""
    body: Text = ""
    path: Lenient[str] = None
    line: Lenient[Int] = None
    status: Text = ""
    repo_full_name: Lenient[str] = None
    pr_number: Lenient[Int] = None
    issue_url: Lenient[str] = None


class Wait(Record):
    """What a run waits for, such as an approval; its resume token is left out on purpose."""

    node_id: Text = ""
    wait_kind: Text = ""
    status: Text = ""
    prompt: Lenient[str] = Field(default=None, validation_alias=AliasPath("wait_config", "prompt"))
    created_at: Moment = None
    expires_at: Moment = None


class AutomationRunDetail(AutomationRun):
    """One run of an automation with what happened in it."""

    node_runs: Items[NodeRun] = Field(default_factory=list)
    dispatch_events: Items[DispatchEvent] = Field(default_factory=list)
    ai_calls: Items[AiCall] = Field(default_factory=list)
    review_findings: Items[ReviewFinding] = Field(default_factory=list)
    waits: Items[Wait] = Field(default_factory=list)


class Trigger(Record):
    """What came of triggering an automation; with `started=False`, `reason` says why not (REPO_PENDING_LIMIT)."""

    automation_id: Id
    job_run_id: Lenient[Uuid] = None
    outcome: Text = ""
    reason: Lenient[str] = None
    started: Lenient[bool] = None
    status: Lenient[str] = None


class ReviewRerun(Record):
    """What came of asking for another review of a pull request."""

    repo_id: Text = ""
    pr_number: Lenient[Int] = None
    queued: Lenient[bool] = None
    job_run_id: Lenient[str] = None
    started: Flag = False
    deferred: Flag = False
    reason: Lenient[str] = None
    status: Lenient[str] = None
