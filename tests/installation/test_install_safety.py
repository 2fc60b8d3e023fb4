"""`mogplex-mcp install` writes nothing unasked, shows no secrets, and loses no setting of the shell."""

import json
from pathlib import Path

import pytest

from mogplex_mcp.cli import install as command
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.installation import machine
from tests.installation.support import Run, entry, files


@pytest.mark.parametrize(("words", "written"), [((), True), (("--url", "https://other.example.com"), False)])
def test_install_writes_an_address_that_only_the_shell_has(
    words: tuple[str, ...], written: bool, home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cursor", *words, MOGPLEX_URL="https://mogplex.example.com") == ExitCode.OK
    variables = {"MOGPLEX_URL": "https://mogplex.example.com"} if written else None
    assert entry(home / ".cursor/mcp.json").get("env") == variables
    assert ("MOGPLEX_URL is set in this shell" in capsys.readouterr().err) == written


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MOGPLEX_MCP_READ_ONLY", "1"),
        ("MOGPLEX_MCP_TOOLSETS", "runs,repos"),
        ("MOGPLEX_MCP_TOOLS", "get_run"),
        ("MOGPLEX_MCP_EXCLUDE_TOOLS", "cancel_run"),
        ("MOGPLEX_MCP_REMEMBER_PROMPTS", "no"),
        ("MOGPLEX_MCP_MAX_WAIT", "20"),
        ("HTTPS_PROXY", "http://proxy.example:8080"),
        ("SSL_CERT_FILE", "/etc/company.pem"),
    ],
)
def test_install_writes_what_only_the_shell_has_with_one_note(
    variable: str, value: str, home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cursor", "codex", **{variable: value}) == ExitCode.OK
    assert entry(home / ".cursor/mcp.json")["env"] == {variable: value}
    codex = (home / ".codex/config.toml").read_text()
    assert (f'{variable} = "{value}"' if variable.startswith("MOGPLEX") else f'env_vars = ["{variable}"]') in codex
    assert capsys.readouterr().err.count(f"{variable} is set in this shell") == 1


def test_install_names_a_proxy_with_a_password_and_does_not_write_it(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cursor", "codex", https_proxy="http://me:hunter2@proxy.example") == ExitCode.OK
    assert "env" not in entry(home / ".cursor/mcp.json")
    assert 'env_vars = ["https_proxy"]' in (home / ".codex/config.toml").read_text()
    said = capsys.readouterr()
    assert said.err.count("https_proxy contains a password, so it is not written") == 1
    assert "hunter2" not in said.out + said.err
    assert not [path for path, content in files(home).items() if b"hunter2" in content]


def test_install_does_not_write_what_allows_more(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cursor", MOGPLEX_MCP_ALLOW_DESTRUCTIVE="1") == ExitCode.OK
    assert "env" not in entry(home / ".cursor/mcp.json")
    assert "MOGPLEX_MCP_ALLOW_DESTRUCTIVE is set in this shell only: add --allow-destructive" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--toolsets", "run"), ("--tools", "get_rum"), ("--exclude-tools", "start")])
def test_install_refuses_what_the_server_would_refuse(
    words: tuple[str, ...], home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(home)
    assert run("cursor", *words) == ExitCode.USAGE
    assert "did you mean" in capsys.readouterr().err
    assert files(home) == before


@pytest.mark.parametrize("words", [("cursor",), ("--all",)])
def test_install_without_a_terminal_needs_yes(
    words: tuple[str, ...], home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(home)
    assert run(*words, yes=False) == ExitCode.USAGE
    assert "add --yes to agree to it" in capsys.readouterr().err
    assert files(home) == before
    assert run(*words) == ExitCode.OK
    assert run(*words, yes=False) == ExitCode.OK  # nothing is left to change
    assert run(*words, "--remove", yes=False) == ExitCode.USAGE


def test_install_shows_no_value_of_another_server(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "correct-horse"
    foreign = {"a": {"command": "npx", "args": [secret], "env": {"A": secret}}, "b": {"headers": {"X": secret}}}
    (home / ".cursor/mcp.json").write_text(json.dumps({"mcpServers": foreign}))
    (home / ".codex/config.toml").write_text(f'[mcp_servers.a]\nenv = {{ A = "{secret}" }}\n')
    for words in (("cursor", "codex"), ("cursor", "codex", "--name", "a", "--force"), ("cursor", "--remove"), ()):
        run(*words)
    (home / ".cursor/mcp.json").write_text(f'{{"mcpServers": {{"a": {secret}}}}}')
    (home / ".codex/config.toml").write_text(f"a = {secret}")
    run("cursor", "codex")
    said = capsys.readouterr()
    assert "isn't valid" in said.err
    assert secret not in said.out + said.err


def test_install_does_not_write_while_a_client_runs_that_would_undo_it(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "is_running", lambda client, _: client.name == "cursor")
    before = (home / ".cursor/mcp.json").read_text()
    assert run("cursor", "codex") == ExitCode.FAILURE
    assert "Cursor is running and would overwrite its file from memory: quit it" in capsys.readouterr().err
    assert (home / ".cursor/mcp.json").read_text() == before
    assert "mogplex" in (home / ".codex/config.toml").read_text()
    assert run("cursor", "--force") == ExitCode.OK


def test_install_in_wsl_says_where_programs_of_windows_are(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kernel = tmp_path / "version"
    kernel.write_text("Linux version 6.6.87.2-microsoft-standard-WSL2")
    monkeypatch.setattr(machine, "_KERNEL", kernel)
    assert run("zed") == ExitCode.FAILURE
    assert "For a program on Windows, add --wsl or run this in PowerShell." in capsys.readouterr().err
    assert run() == ExitCode.OK
    assert "This is WSL" in capsys.readouterr().out
