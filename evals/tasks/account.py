"""Tasks about what the user's token allows, and about the deployment's environment variables."""

from collections.abc import Iterator
from typing import Any, Final

from evals.checks import runs_started, says, tried, user_was_asked
from evals.outcome import Outcome
from evals.scripted import Script, call
from evals.task import Task
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, MODES


def _report_scope() -> Script:
    yield call("start_run", repo="acme/web", prompt="Correct the spelling in the README.")
    yield call("check_connection")
    return "Nothing was started: your token has the scope read only. A run needs a token with the scope write."


def _pretend() -> Script:
    yield call("start_run", repo="acme/web", prompt="Correct the spelling in the README.")
    return "The agent is at work."


def _set(**arguments: Any) -> Script:
    yield call("list_env_vars", repo="acme/api")
    yield call("set_env_var", repo="acme/api", key="LOG_LEVEL", value="warn", **arguments)
    return "LOG_LEVEL of acme/api is warn now."


def _is_warn(outcome: Outcome) -> Iterator[str]:
    repo = next(repo for repo in outcome.simulator.world.repos if repo.full_name == "acme/api")
    found = [(variable.key, variable.value, variable.target) for variable in repo.env_vars]
    if found != [("LOG_LEVEL", "warn", ["production"])]:
        yield f"The variables are {found}."


TASKS: Final = (
    Task(
        "token_without_write",
        "Let an agent correct the spelling in the README of acme/web. If that is not possible, tell me why.",
        (runs_started(), tried("*", "/*", most=12), says("write")),
        _report_scope,
        _pretend,
        token=DEMO_READ_ONLY_TOKEN,
    ),
    Task(
        "set_env_var",
        "Set the environment variable LOG_LEVEL of acme/api to warn, for production only.",
        (_is_warn, user_was_asked),
        lambda: _set(target=["production"]),
        _set,
        world=MODES["env-vars"],
        settings={"MOGPLEX_MCP_TOOLSETS": "repos,env_vars"},
    ),
)
