"""More than fits into one answer: what is left out is said, or comes with the next call, and nothing is lost."""

from typing import Any

import pytest

from mogplex_mcp.simulator import Event, Repo, Run, Sandbox, Simulator
from mogplex_mcp.simulator.scripts import SCRIPTS
from tests.tools.support import WALL, answer, connected_client, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


async def test_two_hundred_repos_with_long_names_fit_and_what_is_left_out_is_said() -> None:
    simulator = Simulator(now=virtual_now)
    user = simulator.world.users[0].id
    simulator.world.repos = [
        Repo(
            f"55555555-5555-4555-8555-{number:012}", user, f"{'o' * 39}/{'r' * 90}{number:04}", 1, "b" * 100, "d/" * 40
        )
        for number in range(200)
    ]
    async with connected_client(simulator) as client:
        result = await answer(client, "list_repos", limit=200)
    assert result.structured_content is not None
    shown = len(result.structured_content["repos"])
    assert 10 < shown < 200
    notes = result.structured_content["notes"]
    assert f"{200 - shown} more repos left out to keep the answer short. Call list_repos with a part of" in str(notes)
    assert len(text_of(result)) <= WALL


async def test_five_hundred_sandboxes_fit_with_facts_and_words_side_by_side() -> None:
    simulator = Simulator(now=virtual_now)
    user, repo = simulator.world.users[0].id, simulator.world.repos[0].id
    simulator.world.sandboxes = [
        Sandbox(
            id=f"66666666-6666-4666-8666-{number:012}",
            user_id=user,
            repo_id=repo,
            sandbox_id=None,
            status="running",
            base_branch="main",
            working_branch=f"feature/{number}-" + "x" * 300,
            created_at=virtual_now(),
            last_active_at=virtual_now() - number,
        )
        for number in range(500)
    ]
    async with connected_client(simulator) as client:
        result = await answer(client, "list_sandboxes", limit=200)
    structured = result.structured_content
    assert structured is not None
    assert [one["id"] for one in structured["sandboxes"]] == [one["id"] for one in structured["untrusted"]["sandboxes"]]
    assert 5 < len(structured["sandboxes"]) < 200
    assert "left out to keep the answer short. Call list_sandboxes with repo" in str(structured["notes"])
    assert "There may be more" in str(structured["notes"])
    assert len(text_of(result)) <= WALL


async def test_no_event_is_lost_between_the_answers_of_tail_run_however_long_they_are() -> None:
    simulator = Simulator(now=virtual_now)
    run = Run(
        id="77777777-7777-4777-8777-777777777777",
        user_id=simulator.world.users[0].id,
        repo_id=simulator.world.repos[0].id,
        full_name="acme/api",
        created_at=virtual_now() - 3_600,
        script=SCRIPTS["success"],
        events=[
            Event(
                f"event-{number}",
                "log",
                virtual_now() - 3_000 + number,
                f"N{number:03} " + '"' * 400,
                {"stage": f"s{number}"},
            )
            for number in range(150)
        ],
    )
    simulator.world.runs = {run.id: run}
    told: list[str] = []
    async with connected_client(simulator) as client:
        cursor = "first"
        while cursor:
            arguments = {"run_id": run.id, "cursor": "" if cursor == "first" else cursor, "max_events": 100}
            news = await answer(client, "tail_run", **arguments)
            assert len(text_of(news)) <= WALL
            assert news.structured_content is not None
            told += news.structured_content["untrusted"]["events"]
            assert "left out" not in str(news.structured_content.get("notes"))
            cursor = news.structured_content.get("cursor", "")
    assert [line.split(": N")[1][:3] for line in told if ": N" in line] == [f"{number:03}" for number in range(150)]


async def test_a_long_log_is_read_in_pieces_from_its_end_to_its_start_without_a_gap() -> None:
    simulator = Simulator(now=virtual_now)
    sandbox = simulator.world.sandboxes[0]
    sandbox.install_log = "\n".join(f'line {number} "{"q" * (number % 50)}"' for number in range(1, 1_001))
    seen: list[str] = []
    async with connected_client(simulator) as client:
        arguments: dict[str, Any] = {"sandbox_id": sandbox.id, "max_lines": 400}
        while arguments:
            result = (await answer(client, "get_sandbox_logs", **arguments)).structured_content
            assert result is not None
            seen = result["untrusted"]["lines"] + seen
            steps = [step["arguments"] for step in result.get("next_steps", []) if step["why"] == "earlier lines"]
            arguments = steps[0] if steps else {}
    assert seen == sandbox.install_log.splitlines()


async def test_a_log_is_read_on_from_where_a_piece_ends() -> None:
    simulator = Simulator(now=virtual_now)
    sandbox = simulator.world.sandboxes[0]
    lines = [f"{number} " + "\\" * 200 for number in range(1, 101)]
    sandbox.dev_log = "\n".join(lines)
    seen: list[str] = []
    async with connected_client(simulator) as client:
        arguments: dict[str, Any] = {"sandbox_id": sandbox.id, "log": "dev", "from_line": 1, "max_lines": 400}
        while arguments:
            result = (await answer(client, "get_sandbox_logs", **arguments)).structured_content
            assert result is not None
            seen += result["untrusted"]["lines"]
            steps = [step["arguments"] for step in result.get("next_steps", []) if step["why"] == "later lines"]
            arguments = steps[0] if steps else {}
        beyond = (
            await answer(client, "get_sandbox_logs", sandbox_id=sandbox.id, log="dev", from_line=500)
        ).structured_content
    assert seen == lines
    assert beyond is not None
    assert beyond["notes"] == ["There is no line 500."]
