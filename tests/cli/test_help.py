"""Help of every command: what it does, an example that works, and no word too many for a terminal."""

import re
import shlex
from collections.abc import Iterator, Sequence

import pytest

from mogplex_mcp.cli.command import Command
from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.cli.terminal_commands import TERMINAL_COMMANDS


def every(commands: Sequence[Command], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    for command in commands:
        words = (*before, command.name)
        yield words, command
        yield from every(command.commands, words)


COMMANDS = list(every(TERMINAL_COMMANDS))


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_command_explains_itself_with_an_example_that_can_be_typed(
    words: tuple[str, ...], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*words, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"Example:\n  mogplex-mcp {command.example}\n" in said
    assert said.startswith(f"usage: mogplex-mcp {' '.join(words)} ")
    assert max(map(len, said.splitlines())) <= 120
    given = build_parser().parse_args(shlex.split(command.example))
    assert callable(given.command.load())


@pytest.mark.parametrize(
    "words",
    [
        ["call", "list_repos", "limit=2", "--json"],
        ["call", "list_repos", "--json", "limit=2"],
        ["call", "--json", "list_repos", "limit=2"],
    ],
)
def test_options_may_stand_between_the_words(words: list[str]) -> None:
    given = build_parser().parse_args(words)
    assert (given.tool, given.arguments, given.json) == ("list_repos", ["limit=2"], True)


@pytest.mark.parametrize(
    ("word", "options"),
    [("demo", ["log-level", "demo-seconds"]), ("simulator", ["log-level", "demo-seconds", "host", "port"])],
)
def test_what_needs_no_mogplex_shows_and_takes_only_the_options_that_change_it(
    word: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([word, "--help"])
    said = capsys.readouterr().out
    assert re.findall(r"^  --(\S+)", said, re.MULTILINE) == options
    assert "MOGPLEX_API_KEY" not in said
    for option in ("--read-only", "--url=https://mogplex.com"):
        with pytest.raises(SystemExit) as ended:
            build_parser().parse_args([word, option])
        assert ended.value.code == 2
        assert f"unrecognized arguments: {option}" in capsys.readouterr().err


def test_what_is_given_before_a_command_counts_for_it() -> None:
    given = build_parser().parse_args(["--log-level", "debug", "runs", "events", "--follow", "some-id"])
    assert (given.log_level, given.follow, given.run) == ("debug", True, "some-id")


@pytest.mark.parametrize(
    "words", [["runs"], ["runs", "evnts"], ["run", "--follow"], ["repos", "list", "--limit", "x"], ["nosuch"]]
)
def test_a_wrong_word_ends_with_the_vendors_usage_code(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(words)
    assert ended.value.code == 2
    assert "--help" in capsys.readouterr().err
