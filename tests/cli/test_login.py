"""`login` and `logout`: prompts, refusals, where the token is stored, and that it is never shown."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mogplex_mcp.api.base_url import normalise_base_url
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken, find_token
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN
from tests.cli.login_support import keyring, run, tokens_file
from tests.systems import with_modes
from tests.transports.processes import PROGRAM, environment, simulator
from tests.trust.canaries import TOKEN, Mirror, assert_without

if sys.platform != "win32":
    import pty
    import termios

NOWHERE = "http://127.0.0.1:9"
on_demand_on_macos = pytest.mark.skipif(sys.platform == "darwin", reason="the keyring is used on demand there")


# One for each test: together they ask more than a minute allows one token.
@pytest.fixture
def mogplex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulator(tmp_path_factory.mktemp("simulator")) as url:
        yield url


def looked_for(home: Path, url: str) -> FoundToken:
    """What a server of that user would find."""
    return find_token(Settings(base_url=normalise_base_url(url), token_file=tokens_file(home)))


@with_modes
def test_login_checks_and_stores_a_token_from_stdin(mogplex: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=f"{DEMO_TOKEN}\n", MOGPLEX_URL=mogplex)
    assert done.code == 0, done.stderr
    assert f"{mogplex}/settings/api-keys" in done.stderr
    assert "the scopes read and write" in done.stderr
    assert "repositories of acme" in done.stderr
    file = tokens_file(tmp_path)
    assert json.loads(file.read_text()) == {mogplex: DEMO_TOKEN}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    # The second is empty: its lock keeps two processes from refreshing at once.
    assert sorted(path.name for path in file.parent.iterdir()) == ["tokens.json", "tokens.lock"]
    assert looked_for(tmp_path, mogplex).source == f"the file {file}"
    assert_without(done.stderr + done.stdout, DEMO_TOKEN)


def test_stored_token_is_used_for_its_address_only(mogplex: str, tmp_path: Path) -> None:
    run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex)
    problem = looked_for(tmp_path, NOWHERE).problem
    assert problem is not None
    assert f"A token is stored for {mogplex}; it is used for no other address." in problem.message


def test_login_stores_tokens_by_address(mogplex: str, tmp_path: Path) -> None:
    run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex)
    run(tmp_path, "login", "--no-check", text=DEMO_READ_ONLY_TOKEN, MOGPLEX_URL=NOWHERE)
    assert json.loads(tokens_file(tmp_path).read_text()) == {mogplex: DEMO_TOKEN, NOWHERE: DEMO_READ_ONLY_TOKEN}
    assert run(tmp_path, "logout", MOGPLEX_URL=mogplex).code == 0
    assert json.loads(tokens_file(tmp_path).read_text()) == {NOWHERE: DEMO_READ_ONLY_TOKEN}
    assert run(tmp_path, "logout", MOGPLEX_URL=NOWHERE).code == 0
    assert not tokens_file(tmp_path).exists()


def test_login_stores_a_read_only_token_with_a_note(mogplex: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=DEMO_READ_ONLY_TOKEN, MOGPLEX_URL=mogplex)
    assert done.code == 0
    assert "the scope read only. Runs cannot be started" in done.stderr
    assert tokens_file(tmp_path).exists()


def test_login_does_not_store_a_refused_token(mogplex: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=TOKEN, MOGPLEX_URL=mogplex)
    assert done.code == 64
    assert "does not accept this token" in done.stderr
    assert "Nothing was stored" in done.stderr
    assert not tokens_file(tmp_path).exists()
    assert_without(done.stderr, TOKEN)


@pytest.mark.parametrize("text", ["", " \n", "hunter2-hunter2", TOKEN[:-1], f"MOGPLEX_API_KEY={TOKEN}", "x" * 200_000])
def test_login_refuses_malformed_input_without_showing_it(text: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=text, MOGPLEX_URL=NOWHERE)
    assert done.code == 64
    assert "othing was stored" in done.stderr
    assert_without(done.stderr, TOKEN, "hunter2-hunter2")
    assert not tokens_file(tmp_path).exists()


def test_login_stores_an_unchecked_token_with_no_check_only(tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=TOKEN, MOGPLEX_URL=NOWHERE)
    assert done.code == 69
    assert "could not be reached" in done.stderr
    assert "--no-check" in done.stderr
    assert not tokens_file(tmp_path).exists()
    done = run(tmp_path, "login", "--no-check", text=TOKEN, MOGPLEX_URL=NOWHERE)
    assert done.code == 0
    assert json.loads(tokens_file(tmp_path).read_text()) == {NOWHERE: TOKEN}


@pytest.mark.parametrize("arguments", [[TOKEN], ["hunter2-hunter2"], ["--file", TOKEN], [TOKEN, "--no-check"]])
def test_login_refuses_a_token_argument_with_advice(arguments: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, "login", *arguments, text=TOKEN, MOGPLEX_URL=NOWHERE)
    assert done.code == 2
    assert "revoke it" in done.stderr
    assert "on stdin" in done.stderr
    assert_without(done.stderr + done.stdout, TOKEN, "hunter2-hunter2")
    assert not tokens_file(tmp_path).exists()


@pytest.mark.parametrize("command", ["login", "logout"])
def test_login_and_logout_without_a_terminal_need_yes(command: str, tmp_path: Path) -> None:
    run(tmp_path, "login", "--no-check", "--file", text=TOKEN, MOGPLEX_URL=NOWHERE)
    before = tokens_file(tmp_path).read_text()
    done = subprocess.run(
        [*PROGRAM, command],
        input=DEMO_TOKEN.encode(),
        capture_output=True,
        env=environment(tmp_path, {"MOGPLEX_URL": NOWHERE}),
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"add --yes" in done.stderr
    assert tokens_file(tmp_path).read_text() == before


@pytest.mark.parametrize("arguments", [["--file", "--keyring"], ["--demo"]])
def test_login_refuses_contradicting_options(arguments: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, "login", *arguments, text=TOKEN)
    assert done.code == 2
    assert not tokens_file(tmp_path).exists()


@on_demand_on_macos
def test_login_prefers_a_working_keyring(mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, "working") | {"MOGPLEX_URL": mogplex}
    done = run(tmp_path, "login", text=DEMO_TOKEN, **more)
    assert "is stored in the keyring" in done.stderr
    assert not tokens_file(tmp_path).exists()
    kept = Path(more["PYTHONPATH"], "kept.json")
    assert json.loads(kept.read_text()) == {f"mogplex-mcp {mogplex}": DEMO_TOKEN}
    assert "takes precedence" not in done.stderr
    assert "removed from the keyring" in run(tmp_path, "logout", **more).stderr
    assert json.loads(kept.read_text()) == {}


def test_login_on_macos_uses_the_keyring_on_demand_only(mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, "working") | {"MOGPLEX_URL": mogplex}
    folder = Path(more["PYTHONPATH"])
    (folder / "sitecustomize.py").write_text(
        "from mogplex_mcp.credentials import token_store\ntoken_store.is_keyring_first = lambda: False\n"
    )
    kept = folder / "kept.json"
    first = run(tmp_path, "login", text=DEMO_READ_ONLY_TOKEN, **more)
    assert f"is stored in the file {tokens_file(tmp_path)}" in first.stderr
    assert not kept.exists()
    second = run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, **more)
    assert "is stored in the keyring" in second.stderr
    assert "asks for your consent again after each update" in second.stderr
    assert "takes precedence" not in second.stderr
    assert json.loads(kept.read_text()) == {f"mogplex-mcp {mogplex}": DEMO_TOKEN}
    assert not tokens_file(tmp_path).exists()
    third = run(tmp_path, "login", text=DEMO_READ_ONLY_TOKEN, **more)
    assert "takes precedence" not in third.stderr
    assert json.loads(kept.read_text()) == {}


@on_demand_on_macos
def test_login_removes_the_token_from_other_stores(mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, "working") | {"MOGPLEX_URL": mogplex}
    kept = Path(more["PYTHONPATH"], "kept.json")
    assert run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, **more).code == 0
    assert run(tmp_path, "login", "--file", text=DEMO_READ_ONLY_TOKEN, **more).code == 0
    assert json.loads(kept.read_text()) == {}
    assert json.loads(tokens_file(tmp_path).read_text()) == {mogplex: DEMO_READ_ONLY_TOKEN}
    assert run(tmp_path, "login", text=DEMO_TOKEN, **more).code == 0
    assert not tokens_file(tmp_path).exists()


@on_demand_on_macos
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("locked", "it is locked"), ("broken", "it failed (RuntimeError)"), ("forgetful", "it did not store the token")],
)
def test_login_falls_back_to_the_file(kind: str, reason: str, mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, kind) | {"MOGPLEX_URL": mogplex}
    done = run(tmp_path, "login", text=DEMO_TOKEN, **more)
    assert done.code == 0
    assert f"The keyring cannot be used: {reason}." in done.stderr
    assert f"is stored in the file {tokens_file(tmp_path)}" in done.stderr
    assert "takes precedence" not in done.stderr
    assert_without(done.stderr, DEMO_TOKEN)
    assert run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, **more).code == 1


def test_logout_reports_a_locked_keyring(tmp_path: Path) -> None:
    done = run(tmp_path, "logout", **keyring(tmp_path, "locked"))
    assert done.code == 1
    assert "it is locked. A token for https://mogplex.com may still be in it." in done.stderr


def test_login_without_a_keyring_uses_the_file_silently(mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, "absent") | {"MOGPLEX_URL": mogplex}
    assert "The keyring" not in run(tmp_path, "login", text=DEMO_TOKEN, **more).stderr
    assert "this machine has no usable one" in run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, **more).stderr
    assert tokens_file(tmp_path).exists()
    done = run(tmp_path, "logout", **more)
    assert (done.code, tokens_file(tmp_path).exists()) == (0, False)


def test_login_names_the_keyring_extra_with_keyring_only(mogplex: str, tmp_path: Path) -> None:
    assert "The keyring" not in run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex).stderr
    done = run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, MOGPLEX_URL=mogplex)
    assert done.code == 1
    assert "mogplex-mcp[keyring]" in done.stderr


def test_login_reports_an_unwritable_home_with_advice(mogplex: str, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    done = run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex, HOME=str(tmp_path / "home"))
    assert done.code == 1
    assert (
        "tokens.json cannot be used: Not a directory.\nThe token could not be stored. Set MOGPLEX_API_KEY"
        in done.stderr
    )
    assert_without(done.stderr, DEMO_TOKEN)


def test_login_reports_a_token_that_takes_precedence(mogplex: str, tmp_path: Path) -> None:
    more = {"MOGPLEX_URL": mogplex, "MOGPLEX_API_KEY": TOKEN}
    done = run(tmp_path, "login", text=DEMO_TOKEN, **more)
    assert "The token in the environment takes precedence" in done.stderr
    done = run(tmp_path, "logout", **more)
    assert "Another token is still found in the environment." in done.stderr
    assert "until you revoke it" in done.stderr
    assert_without(done.stderr, TOKEN, DEMO_TOKEN)


def test_logout_without_a_stored_token_succeeds(tmp_path: Path) -> None:
    done = run(tmp_path, "logout")
    assert done.code == 0
    assert "No token was stored for https://mogplex.com." in done.stderr
    # There is none that could stay valid.
    assert "valid" not in done.stderr


def test_login_does_not_show_a_token_echoed_by_the_server(tmp_path: Path) -> None:
    with Mirror() as mirror:
        done = run(tmp_path, "login", text=TOKEN, MOGPLEX_URL=mirror.url)
    mirror.check(TOKEN)
    assert_without(done.stderr + done.stdout, TOKEN)


# A shell gives its commands a terminal of their own; this does the same.
_WITH_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A login with a token in a terminal, and the person in front of it."""

    def __init__(self, home: Path, *arguments: str, **more: str) -> None:
        if sys.platform == "win32":
            pytest.skip("terminals of POSIX")
        self._screen, self.terminal = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WITH_TERMINAL, *PROGRAM, "login", "--token", *arguments],
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            start_new_session=True,
            env=environment(home, more),
        )

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            self.shown += os.read(self._screen, 10_000).decode()

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def end(self) -> int:
        code = self.process.wait(30)
        os.set_blocking(self._screen, False)
        with contextlib.suppress(OSError):
            self.shown += os.read(self._screen, 100_000).decode()
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._screen)
        os.close(self.terminal)


def test_login_does_not_echo_the_typed_token(mogplex: str, tmp_path: Path) -> None:
    with contextlib.closing(Terminal(tmp_path, "--file", MOGPLEX_URL=mogplex)) as person:
        person.read_until("not shown): ")
        person.type(f"{DEMO_TOKEN}\n")
        assert person.end() == 0, person.shown
        assert "is stored in the file" in person.shown
        assert_without(person.shown, DEMO_TOKEN)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 69), ("", 69)])
def test_login_asks_whether_to_store_an_unchecked_token(answer: str, code: int, tmp_path: Path) -> None:
    with contextlib.closing(Terminal(tmp_path, "--file", MOGPLEX_URL=NOWHERE)) as person:
        person.read_until("not shown): ")
        person.type(f"{TOKEN}\n")
        person.read_until("[y/N]")
        person.type(f"{answer}\n")
        assert person.end() == code
    assert tokens_file(tmp_path).exists() == (code == 0)


def test_interrupted_login_restores_the_terminal(tmp_path: Path) -> None:
    with contextlib.closing(Terminal(tmp_path, MOGPLEX_URL=NOWHERE)) as person:
        before = termios.tcgetattr(person.terminal)
        person.read_until("not shown): ")
        person.type("\x03")
        assert person.end() == 130
        assert termios.tcgetattr(person.terminal) == before
        assert "Traceback" not in person.shown
