"""Data of the demo: two users, a handful of repos, sandboxes, finished runs and automations."""

from typing import Any

from .formats import derived_id
from .graphs import default_draft
from .scripts import SCRIPTS
from .world import READ, ApiToken, Automation, EnvVar, Repo, Run, Sandbox, User, Version, World

DEMO_TOKEN = "mog_DemoReadWrite000000000000000000A"  # noqa: S105 - made up, opens nothing but a simulator
DEMO_READ_ONLY_TOKEN = "mog_DemoReadOnly0000000000000000000A"  # noqa: S105 - the same
DEMO_OTHER_TOKEN = "mog_DemoOtherUser000000000000000000A"  # noqa: S105 - the same

_INSTALLATION = 4_711
_OTHER_INSTALLATION = 4_712
_HOUR = 3_600.0
_DAY = 24 * _HOUR
_DEFAULT_MODEL = "openai/gpt-5.4"


def demo_world(now: float | None = None) -> World:
    """Return the data of the demo.

    Args:
        now: epoch seconds; everything happened in the days before. None for a fixed day in 2026.
    """
    moment = 1_795_000_000.0 if now is None else now
    world = World(users=_users(), tokens=_tokens(), repos=_repos(moment))
    world.sandboxes += _sandboxes(moment)
    for run in _runs(moment):
        world.runs[run.id] = run
    for automation in _automations(moment):
        world.automations[automation.id] = automation
    return world


def _users() -> list[User]:
    agents: list[dict[str, Any]] = [
        _agent(derived_id("agent", "Reviewer"), "Reviewer", "Reviews pull requests", "review", preset=False),
        _agent("preset:API-DESIGN", "API-DESIGN", "REST conventions, validation, errors", "api", preset=True),
        _agent("preset:JS-PERF", "JS-PERF", "Algorithms, memory, web workers", "performance", preset=True),
    ]
    models = [
        _model("anthropic/claude-sonnet-5", "Claude Sonnet 5", 0.000_002, 0.000_01),
        _model(_DEFAULT_MODEL, "GPT 5.4", 0.000_002_5, 0.000_01),
    ]
    servers = [
        {
            "name": "tracker",
            "enabled": True,
            "config": {
                "url": "https://tracker.invalid/mcp",
                "http_headers": {"Authorization": "Bearer SIMULATED-tracker-credential"},
            },
        },
        {
            "name": "files",
            "enabled": False,
            "config": {"command": "npx", "args": ["-y", "files"], "env": {"FILES_KEY": "SIMULATED-files-credential"}},
        },
    ]
    return [
        User(
            _user_id("dora"), "dora", agents=agents, models=models, mcp_servers=servers, installations={_INSTALLATION}
        ),
        User(_user_id("olaf"), "olaf", models=models, installations={_OTHER_INSTALLATION}),
    ]


def _tokens() -> list[ApiToken]:
    return [
        ApiToken(DEMO_TOKEN, _user_id("dora")),
        ApiToken(DEMO_READ_ONLY_TOKEN, _user_id("dora"), frozenset({READ})),
        ApiToken(DEMO_OTHER_TOKEN, _user_id("olaf")),
    ]


def _repos(now: float) -> list[Repo]:
    dora = _user_id("dora")
    names = ("acme/api", "acme/docs", "acme/mobile", "acme/web")
    repos = [Repo(_repo_id(name), dora, name, _INSTALLATION) for name in names]
    repos[0].env_vars.append(EnvVar(derived_id("env"), "LOG_LEVEL", "debug", ["production"], "plain", now - _DAY))
    for directory in ("apps/one", "apps/two"):
        identifier = derived_id("repo", "acme/monorepo", directory)
        repos.append(Repo(identifier, dora, "acme/monorepo", _INSTALLATION, root_directory=directory))
    repos.append(Repo(_repo_id("acme/legacy"), dora, "acme/legacy", _INSTALLATION, "develop", hidden=True))
    repos.append(Repo(_repo_id("olafsoft/secret"), _user_id("olaf"), "olafsoft/secret", _OTHER_INSTALLATION))
    return repos


def _sandboxes(now: float) -> list[Sandbox]:
    described = (
        ("feat/search", "running", "https://search.preview.invalid", None),
        ("fix/login", "stopped", None, None),
        ("feat/broken", "error", None, "Install failed with exit code 1"),
    )
    return [
        Sandbox(
            id=derived_id("sandbox", branch),
            user_id=_user_id("dora"),
            repo_id=_repo_id("acme/web"),
            sandbox_id=f"sbx_demo{number}",
            status=status,
            base_branch="main",
            working_branch=branch,
            created_at=now - _DAY + number * _HOUR,
            last_active_at=now - _DAY + (number + 0.5) * _HOUR,
            preview_url=preview,
            error=error,
            install_log="\x1b[32madded 412 packages\x1b[0m in 9s\n",
            dev_log="ready on http://localhost:3000\n",
        )
        for number, (branch, status, preview, error) in enumerate(described)
    ]


def _runs(now: float) -> list[Run]:
    described = (("success", 3 * _HOUR), ("failed", 5 * _HOUR), ("no_changes", _DAY))
    return [
        Run(
            id=derived_id("run", name),
            user_id=_user_id("dora"),
            repo_id=_repo_id("acme/web"),
            full_name="acme/web",
            created_at=now - age,
            script=SCRIPTS[name],
            working=f"mogplex/demo-{name}",
            create_branch=True,
            ai_call_id=derived_id("call", name),
            runtime_run_id=f"run_demo{number}",
            number=100 + number,
        )
        for number, (name, age) in enumerate(described)
    ]


def _automations(now: float) -> list[Automation]:
    draft = default_draft(_INSTALLATION, derived_id("agent", "Reviewer"), _DEFAULT_MODEL)
    published = Version(derived_id("version", "review"), 1, draft, now - _DAY)
    owner = _user_id("dora")
    return [
        Automation(
            id=derived_id("automation", "review"),
            user_id=owner,
            installation_id=_INSTALLATION,
            name="Review on mention",
            created_at=now - 2 * _DAY,
            updated_at=now - _DAY,
            draft=draft,
            description="Reviews on request",
            status="active",
            published=published,
        ),
        Automation(
            id=derived_id("automation", "draft"),
            user_id=owner,
            installation_id=_INSTALLATION,
            name="Nightly triage",
            created_at=now - _DAY,
            updated_at=now - _DAY,
            draft=default_draft(_INSTALLATION, derived_id("agent", "Reviewer"), _DEFAULT_MODEL),
        ),
    ]


def _user_id(name: str) -> str:
    return derived_id("user", name)


def _repo_id(full_name: str) -> str:
    return derived_id("repo", full_name)


def _agent(identifier: str, name: str, description: str, category: str, *, preset: bool) -> dict[str, Any]:
    slug = None if preset else name.lower()
    return {
        "id": identifier,
        "name": name,
        "slug": slug,
        "model": _DEFAULT_MODEL,
        "description": description,
        "category": category,
        "preset": preset,
    }


def _model(identifier: str, name: str, price_in: float, price_out: float) -> dict[str, Any]:
    return {
        "id": identifier,
        "provider": identifier.partition("/")[0],
        "name": name,
        "contextLength": 200_000,
        "capabilities": ["tools", "vision"],
        "pricing": {"input": price_in, "output": price_out},
    }
