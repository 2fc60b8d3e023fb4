"""Response models of automations (mogplex-api.md, section 1); see `models` for the conventions."""

from pydantic import AliasChoices, AliasPath, Field

from mogplex_mcp.api.lenient import Id, Int, Items, Json, Lenient, Moment, Record, Rows, Text, Uuid


class PublishedVersion(Record):
    """The published version of an automation: the one that runs."""

    id: Text = ""
    version_number: Lenient[Int] = None
    graph: Json = Field(default_factory=dict)
    created_at: Moment = None


class Automation(Record):
    """An automation, as lists return it."""

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
    """An automation with its graphs as raw JSON, since an update replaces a graph as a whole."""

    notes: Lenient[str] = None
    draft_graph: Json = Field(default_factory=dict)
    published_version: Lenient[PublishedVersion] = None


class AutomationPage(Record):
    """A page of automations; requests with `next_cursor` always failed so far (mogplex-api.md, section 2, "Lists")."""

    automations: Rows[Automation]
    next_cursor: Lenient[str] = None


class AutomationRun(Record):
    """A run of an automation. Metadata and user ids are omitted on purpose.

    `runtime_run_id` is None until a worker takes the run, which may never happen.
    """

    id: Id
    automation_id: Lenient[str] = Field(default=None, validation_alias="flow_id")
    status: Text = ""
    source_kind: Lenient[str] = None
    source_type: Lenient[str] = None
    repo_id: Lenient[str] = Field(default=None, validation_alias=AliasPath("repo", "id"))
    repo_full_name: Lenient[str] = Field(default=None, validation_alias=AliasPath("repo", "full_name"))
    agent_name: Lenient[str] = Field(default=None, validation_alias=AliasPath("agent", "name"))
    runtime_run_id: Lenient[str] = None
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
    """The run of one node of an automation; `output` is raw JSON."""

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
    """An event in the dispatch of an automation run."""

    event_kind: Text = ""
    outcome: Text = ""
    reason: Lenient[str] = None
    created_at: Moment = None


class AiCall(Record):
    """A call of a language model within an automation run, without its prompt."""

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
    """A finding of a review."""

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
    """Something that a run waits for, such as an approval. The resume token is omitted on purpose."""

    node_id: Text = ""
    wait_kind: Text = ""
    status: Text = ""
    prompt: Lenient[str] = Field(default=None, validation_alias=AliasPath("wait_config", "prompt"))
    created_at: Moment = None
    expires_at: Moment = None


class AutomationRunDetail(AutomationRun):
    """A run of an automation with its nodes, events, model calls, findings and waits."""

    node_runs: Items[NodeRun] = Field(default_factory=list)
    dispatch_events: Items[DispatchEvent] = Field(default_factory=list)
    ai_calls: Items[AiCall] = Field(default_factory=list)
    review_findings: Items[ReviewFinding] = Field(default_factory=list)
    waits: Items[Wait] = Field(default_factory=list)


class Trigger(Record):
    """The result of triggering an automation; with `started=False`, `reason` says why (such as REPO_PENDING_LIMIT)."""

    automation_id: Text = ""
    job_run_id: Lenient[Uuid] = None
    outcome: Text = ""
    reason: Lenient[str] = None
    started: Lenient[bool] = None
    status: Lenient[str] = None
