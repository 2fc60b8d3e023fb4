"""The command line: options, exit codes, output."""

import json
from pathlib import Path

import pytest
from evals.__main__ import main
from evals.table import PAGE
from evals.tasks import TASKS

from tests.evals.fake_endpoint import KEY, MODEL, chat_completions, messages, serving


def test_scripted_model_passes_and_shows_calls_and_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scripted", "--task", "start_and_leave", "--task", "boot_once", "--repeat", "2"]) == 0
    first, second, whole = capsys.readouterr().out.splitlines()
    assert first.startswith("start_and_leave  2/2 passed  1.0 calls, about ")
    assert second.startswith("boot_once        2/2 passed  2.0 calls, about ")
    assert whole.startswith("all              4/4 passed  1.5 calls, about ")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_model_is_reached_with_the_key_of_the_environment(
    provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", KEY)
    speaking = chat_completions if provider == "openai" else messages
    options = ["--model", MODEL, "--provider", provider, "--task", "start_and_leave", "--json"]
    with serving(speaking(TASKS["start_and_leave"].right())) as url:
        assert main([*options, "--base-url", f"{url}/v1"]) == 0
    shown = capsys.readouterr()
    assert KEY not in shown.out + shown.err
    data = json.loads(shown.out)
    (one,) = data["attempts"]
    assert data["model"] == MODEL
    assert (one["task"], one["passed"], one["problems"], one["calls"]) == ("start_and_leave", True, [], ["start_run"])
    assert (one["tokens_read"], one["tokens_written"], one["estimated"]) == (2_000, 20, False)


def test_model_that_fails_a_task_shows_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    options = ["--model", MODEL, "--task", "start_and_leave", "--key-variable", "MY_KEY"]
    with serving(chat_completions(TASKS["start_and_leave"].wrong())) as url:
        assert main([*options, "--base-url", f"{url}/v1"]) == 1
    shown = capsys.readouterr().out
    assert "start_and_leave  0/1 passed" in shown
    assert "    attempt 1: Runs were started on acme/api, not on acme/web." in shown


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--scripted", "--model", MODEL],
        ["--model", MODEL, "--write"],
        ["--scripted", "--write", "--task", "boot_once"],
        ["--scripted", "--repeat", "0"],
        ["--scripted", "--repeat", "x"],
        ["--scripted", "--task", "boot_twice"],
    ],
)
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_write_updates_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "evals.md"
    copy.write_text(text.replace("| `boot_once` | ", "| `boot_once` | 9"), encoding="utf-8")
    monkeypatch.setattr("evals.table.PAGE", copy)
    assert main(["--scripted", "--write"]) == 0
    assert copy.read_text(encoding="utf-8") == text
