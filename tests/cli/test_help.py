"""Help of every command: summary, a valid example, lines that fit a terminal."""

import re
import shlex
from collections.abc import Iterator, Sequence

import pytest

from mogplex_mcp.cli.catalog import COMMANDS as EVERY_COMMAND
from mogplex_mcp.cli.command import Command
from mogplex_mcp.cli.help import COMMAND_GROUPS
from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.cli.terminal_commands import TERMINAL_COMMANDS
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings


def every(commands: Sequence[Command], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    for command in commands:
        words = (*before, command.name)
        yield words, command
        yield from every(command.commands, words)


COMMANDS = list(every(TERMINAL_COMMANDS))


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_help_of_every_command_has_a_valid_example(
    words: tuple[str, ...], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*words, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"Example:\n  mogplex-mcp {command.example}\n" in text
    assert text.startswith(f"usage: mogplex-mcp {' '.join(words)} ")
    assert max(map(len, text.splitlines())) <= 120
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
def test_parser_accepts_options_between_positional_arguments(words: list[str]) -> None:
    given = build_parser().parse_args(words)
    assert (given.tool, given.arguments, given.json) == ("list_repos", ["limit=2"], True)


@pytest.mark.parametrize(
    ("word", "options"),
    [("demo", ["log-level", "demo-seconds"]), ("simulator", ["log-level", "demo-seconds", "host", "port"])],
)
def test_demo_and_simulator_accept_their_own_options_only(
    word: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([word, "--help"])
    text = capsys.readouterr().out
    assert re.findall(r"^  --(\S+)", text, re.MULTILINE) == options
    assert "MOGPLEX_API_KEY" not in text
    for option in ("--read-only", "--url=https://mogplex.com"):
        with pytest.raises(SystemExit) as ended:
            build_parser().parse_args([word, option])
        assert ended.value.code == 2
        assert f"unrecognized arguments: {option}" in capsys.readouterr().err


def test_parser_accepts_options_before_the_command() -> None:
    given = build_parser().parse_args(["--log-level", "debug", "runs", "events", "--follow", "some-id"])
    assert (given.log_level, given.follow, given.run) == ("debug", True, "some-id")


@pytest.mark.parametrize(
    "words", [["runs"], ["runs", "evnts"], ["run", "--follow"], ["repos", "list", "--limit", "x"], ["nosuch"]]
)
def test_usage_error_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(words)
    assert ended.value.code == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0", "soon"])
def test_timeout_of_run_is_refused_before_a_run_is_started(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["run", "--follow", "--timeout", text, "Fix it."])
    assert f"--timeout: write a number of seconds above 0, not '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["rnu"], "did you mean run?"),
        (["serve"], "`mogplex-mcp http` serves it over HTTP)"),
        (["stdio"], "`mogplex-mcp http` serves it over HTTP)"),
        (["instal"], "did you mean install?"),
        (["zzzzz"], "the nearest are "),
        (["install", "--scope", "usr", "cursor"], "did you mean user?"),
        (["install", "--scop=user"], "did you mean --scope"),
        (["--readonly"], "did you mean --read-only"),
        (["--tool-sets=runs"], "did you mean --toolsets"),
        (["doctor", "--of-line"], "did you mean --offline"),
        (["help"], "`mogplex-mcp --help` lists the commands"),
        (["version"], "`mogplex-mcp --version`"),
    ],
)
def test_parser_names_the_nearest_for_every_wrong_word(
    words: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert near in said
    assert said.count(" or ") <= 2


def test_parser_compares_no_endless_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["x" * 1_000_000])
    assert len(capsys.readouterr().err) < 1_000


def help_of(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 80, 250])
@pytest.mark.parametrize("words", [(), ("http",), ("install",), ("runs", "list"), ("run",), ("call",)])
def test_help_is_wrapped_to_the_terminal(
    words: tuple[str, ...], width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _, _, text = help_of(*words, capsys=capsys).partition("\n\n")
    long = [line for line in text.splitlines() if len(line) > min(width, 100)]
    # Neither a command that is to be copied nor a list of choices is cut.
    assert [line for line in long if not line.startswith(("  mogplex-mcp ", "  --status {"))] == []


def test_help_has_every_command_in_one_group_with_its_description(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert sorted(name for names in COMMAND_GROUPS.values() for name in names) == sorted(
        command.name for command in EVERY_COMMAND
    )
    text = help_of(capsys=capsys)
    for command in EVERY_COMMAND:
        assert len(re.findall(rf"^    {command.name} +{command.summary[:20]}", text, re.MULTILINE)) == 1
    assert text.index("commands:") < text.index("  Set up:") < text.index("token and address:")


def test_help_of_options_in_groups_has_every_option_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("http", capsys=capsys)
    expected = [f"--{option.flag}" for option in OPTIONS if option.flag]
    assert sorted(re.findall(r"^  (--\S+)", text, re.MULTILINE)) == sorted(expected)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["run", "acme/web", "Fix it."], "mogplex-mcp run"),
        (["repos", "list", "extra"], "mogplex-mcp repos list"),
        (["doctor", "--of-line"], "mogplex-mcp doctor"),
    ],
)
def test_parser_refuses_a_word_with_the_help_of_its_command(
    words: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(words)
    shown = capsys.readouterr().err
    assert shown.startswith(f"{command}: unrecognized arguments: ")
    assert shown.endswith(f"See {command} --help.\n")


@pytest.mark.parametrize(
    ("text", "read_only"), [("true", True), ("false", False), ("0", False), ("${user_config.read_only}", False)]
)
def test_a_switch_may_have_a_value_as_its_variable_has(text: str, read_only: bool) -> None:
    given = build_parser().parse_args([f"--read-only={text}", "http", "--port", "0"])
    settings = Settings.load({}, {option.setting: getattr(given, option.setting, None) for option in OPTIONS})
    assert settings.read_only is read_only
    assert settings.unfilled == (("--read-only",) if text.startswith("$") else ())
