"""Every route of Mogplex, with a call of ours that comes to it: what the matrix of faults is made of."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from mogplex_mcp.simulator import EnvVar, JobRun, Simulator
from mogplex_mcp.simulator.formats import derived_id
from tests.virtual_time import virtual_now

API = "/api/v1/mogplex"
AUTOMATION = derived_id("automation", "review")
DRAFT = derived_id("automation", "draft")
SANDBOX = derived_id("sandbox", "feat/search")
ENDED = derived_id("run", "success")
GOING_ON = derived_id("run", "going on")
JOB = derived_id("job", "ended")
START = {"repo": "acme/web", "prompt": "Fix the flaky test."}
REPO = {"repo": "acme/api"}
NOTED: dict[str, Any] = {"repoId": derived_id("repo", "acme/api"), "prNumber": 7}

Tool = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Route:
    """A call of a tool and the request of it that things happen to.

    Attributes:
        name: What the test is called.
        method: Of the request.
        path: Its pattern below the API.
        tool: What is called.
        arguments: With what.
        before: What is called before, while all is well.
        made: How many things of its kind there are, for what must not be made twice under one key.
        moves: Whether two answers at different times differ.
    """

    name: str
    method: str
    path: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[Tool, ...] = ()
    made: Callable[[Simulator], int] | None = None
    moves: bool = False

    @property
    def writes(self) -> bool:
        """Whether the request may change something."""
        return self.method != "GET" and self.tool not in ("list_hosted_tools", "check_connection")

    @property
    def is_stable(self) -> bool:
        """Whether it always answers the same."""
        return self.method == "GET" and not self.moves and self.made is None

    def count(self, simulator: Simulator, *, since: int) -> int:
        """How many of these requests came after the first ones."""
        return sum(
            self.fits(seen.method, seen.path.partition("?")[0])
            for seen in itertools.islice(simulator.requests, since, None)
        )

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is one of these."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, API + self.path)

    def numbered(self, number: int) -> Mapping[str, Any]:
        """The arguments of a call that is another one each time, where the same would find what is there."""
        return {**self.arguments, "prompt": f"Task {number}."} if self.tool == "start_run" else self.arguments


def simulated() -> Simulator:
    """A Mogplex with something to read on every route, on virtual time."""
    simulator = Simulator(now=virtual_now, run_seconds=3_600)
    world = simulator.world
    world.env_vars_available = True
    world.sandbox_boot_seconds = 5.0
    before = virtual_now() - 3_600
    world.job_runs[JOB] = JobRun(
        JOB, AUTOMATION, NOTED["repoId"], before, started_at=before, runtime_run_id="run_job", seconds=60.0
    )
    renew(simulator)
    return simulator


def renew(simulator: Simulator) -> None:
    """Bring back what was deleted, and let the run that is going on begin now; it ends within the wait of one call."""
    world = simulator.world
    world.runs[GOING_ON] = replace(world.runs[ENDED], id=GOING_ON, created_at=virtual_now(), seconds=20.0)
    repo = next(repo for repo in world.repos if repo.id == NOTED["repoId"])
    repo.env_vars = [EnvVar(derived_id("env"), "LOG_LEVEL", "debug", ["production"], "plain", virtual_now())]


def started(simulator: Simulator) -> int:
    return sum(run.idempotency_key is not None for run in simulator.world.runs.values())


def triggered(simulator: Simulator) -> int:
    return len(simulator.world.job_runs) - 1


def _automation(**more: Any) -> dict[str, Any]:
    return {"automation_id": AUTOMATION, **more}


ROUTES = [
    Route("repos", "GET", "/repos", "list_repos"),
    Route("env-vars", "GET", "/repos/*/env-vars", "list_env_vars", REPO),
    Route("set-env-var", "POST", "/repos/*/env-vars", "set_env_var", {**REPO, "key": "NEW", "value": "v"}),
    Route("delete-env-var", "DELETE", "/repos/*/env-vars", "delete_env_var", {**REPO, "key": "LOG_LEVEL"}),
    Route("agents", "GET", "/agents", "list_agents"),
    Route("models", "GET", "/models", "list_models"),
    Route("sandboxes", "GET", "/sandboxes", "list_sandboxes"),
    Route("create-sandbox", "POST", "/sandboxes", "create_sandbox", REPO),
    Route("sandbox-logs", "GET", "/sandboxes/*/logs", "get_sandbox_logs", {"sandbox_id": SANDBOX}),
    Route("start-run", "POST", "/runs", "start_run", START, made=started),
    Route(
        "run-under-way",
        "GET",
        "/runs/????????-????-????-????-????????????",
        "start_run",
        START,
        (("start_run", START),),
        started,
    ),
    Route(
        "listed-run",
        "GET",
        "/runs/????????-????-????-????-????????????",
        "list_runs",
        {},
        (("start_run", START),),
        moves=True,
    ),
    Route("run", "GET", "/runs/*/events", "get_run", {"run_id": ENDED}),
    Route("ended-run", "GET", "/runs/*/events", "tail_run", {"run_id": ENDED}),
    Route("run-going-on", "GET", "/runs/*/events", "tail_run", {"run_id": GOING_ON}, moves=True),
    Route("cancel-run", "POST", "/runs/*/cancel", "cancel_run", {"run_id": GOING_ON}),
    Route("automations", "GET", "/automations", "list_automations"),
    Route("create-automation", "POST", "/automations", "create_automation", {"installation_id": 4_711, "name": "New"}),
    Route("automation", "GET", "/automations/*", "get_automation", _automation()),
    Route("update-automation", "PUT", "/automations/*", "update_automation", _automation(name="Other")),
    Route("publish", "POST", "/automations/*/publish", "publish_automation", {"automation_id": DRAFT}),
    Route(
        "set-model",
        "PUT",
        "/automations/*/model",
        "set_automation_model",
        _automation(node_id="agent-1", model="openai/gpt-5.4"),
    ),
    Route(
        "trigger", "POST", "/automations/*/trigger", "trigger_automation", _automation(repo="acme/web"), made=triggered
    ),
    Route("automation-runs", "GET", "/automations/*/runs", "list_automation_runs", _automation()),
    Route("automation-run", "GET", "/automations/*/runs/*", "get_automation_run", _automation(run_id=JOB)),
    Route("review", "POST", "/pr-reviews/rerun", "rerun_pr_review", {**REPO, "pr_number": 7}),
    Route("servers", "GET", "/mcp/servers", "list_mcp_servers"),
    Route("hosted-list", "POST", "/mcp", "list_hosted_tools"),
    Route(
        "hosted-call",
        "POST",
        "/mcp",
        "call_hosted_tool",
        {"name": "mogplex_note", "arguments": NOTED},
        (("list_hosted_tools", {}),),
    ),
    Route("connection", "*", "*", "check_connection"),
]
