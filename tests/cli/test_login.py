"""Logging in and out: what is asked, what is refused, where the token is kept, and that nobody else gets to see it."""

import contextlib
import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from mogplex_mcp.api.base_url import normalise_base_url
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken, find_token
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN
from tests.cli.login_support import keyring, run, tokens_file
from tests.transports.processes import PROGRAM, environment, simulator
from tests.trust.canaries import TOKEN, Mirror, assert_without

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def mogplex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulator(tmp_path_factory.mktemp("simulator")) as url:
        yield url


def looked_for(home: Path, url: str) -> FoundToken:
    """What a server of that user would find."""
    return find_token(Settings(base_url=normalise_base_url(url), token_file=tokens_file(home)))


def test_a_token_from_stdin_is_checked_kept_privately_and_found_afterwards(mogplex: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=f"{DEMO_TOKEN}\n", MOGPLEX_URL=mogplex)
    assert done.code == 0, done.stderr
    assert f"{mogplex}/settings/api-keys" in done.stderr
    assert "the scopes read and write" in done.stderr
    assert "repositories of acme" in done.stderr
    file = tokens_file(tmp_path)
    assert json.loads(file.read_text()) == {mogplex: DEMO_TOKEN}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in file.parent.iterdir()] == ["tokens.json"]
    assert looked_for(tmp_path, mogplex).source == f"the file {file}"
    assert_without(done.stderr + done.stdout, DEMO_TOKEN)


def test_a_token_is_found_for_its_own_address_only(mogplex: str, tmp_path: Path) -> None:
    run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex)
    problem = looked_for(tmp_path, NOWHERE).problem
    assert problem is not None
    assert f"A token is stored for {mogplex}; it is used for no other address." in problem.message


def test_tokens_of_two_addresses_are_kept_apart(mogplex: str, tmp_path: Path) -> None:
    run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex)
    run(tmp_path, "login", "--no-check", text=DEMO_READ_ONLY_TOKEN, MOGPLEX_URL=NOWHERE)
    assert json.loads(tokens_file(tmp_path).read_text()) == {mogplex: DEMO_TOKEN, NOWHERE: DEMO_READ_ONLY_TOKEN}
    assert run(tmp_path, "logout", MOGPLEX_URL=mogplex).code == 0
    assert json.loads(tokens_file(tmp_path).read_text()) == {NOWHERE: DEMO_READ_ONLY_TOKEN}
    assert run(tmp_path, "logout", MOGPLEX_URL=NOWHERE).code == 0
    assert not tokens_file(tmp_path).exists()


def test_a_token_without_write_is_kept_and_what_that_means_is_said(mogplex: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=DEMO_READ_ONLY_TOKEN, MOGPLEX_URL=mogplex)
    assert done.code == 0
    assert "the scope read only. Runs cannot be started" in done.stderr
    assert tokens_file(tmp_path).exists()


def test_a_token_that_mogplex_refuses_is_not_kept(mogplex: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=TOKEN, MOGPLEX_URL=mogplex)
    assert done.code == 64
    assert "does not accept this token" in done.stderr
    assert "Nothing was stored" in done.stderr
    assert not tokens_file(tmp_path).exists()
    assert_without(done.stderr, TOKEN)


@pytest.mark.parametrize("text", ["", " \n", "hunter2-hunter2", TOKEN[:-1], f"MOGPLEX_API_KEY={TOKEN}", "x" * 200_000])
def test_what_is_no_token_is_refused_without_being_shown(text: str, tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=text, MOGPLEX_URL=NOWHERE)
    assert done.code == 64
    assert "othing was stored" in done.stderr
    assert_without(done.stderr, TOKEN, "hunter2-hunter2")
    assert not tokens_file(tmp_path).exists()


def test_without_mogplex_nothing_is_kept_unless_that_is_asked_for(tmp_path: Path) -> None:
    done = run(tmp_path, "login", text=TOKEN, MOGPLEX_URL=NOWHERE)
    assert done.code == 69
    assert "could not be reached" in done.stderr
    assert "--no-check" in done.stderr
    assert not tokens_file(tmp_path).exists()
    done = run(tmp_path, "login", "--no-check", text=TOKEN, MOGPLEX_URL=NOWHERE)
    assert done.code == 0
    assert json.loads(tokens_file(tmp_path).read_text()) == {NOWHERE: TOKEN}


@pytest.mark.parametrize("arguments", [[TOKEN], ["hunter2-hunter2"], ["--file", TOKEN], [TOKEN, "--no-check"]])
def test_a_token_in_the_command_line_is_refused_with_what_to_do(arguments: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, "login", *arguments, text=TOKEN, MOGPLEX_URL=NOWHERE)
    assert done.code == 2
    assert "revoke it" in done.stderr
    assert "on stdin" in done.stderr
    assert_without(done.stderr + done.stdout, TOKEN, "hunter2-hunter2")
    assert not tokens_file(tmp_path).exists()


@pytest.mark.parametrize("arguments", [["--file", "--keyring"], ["--demo"]])
def test_choices_that_make_no_sense_are_refused(arguments: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, "login", *arguments, text=TOKEN)
    assert done.code == 2
    assert not tokens_file(tmp_path).exists()


def test_a_keyring_that_works_is_preferred_and_forgets_again(mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, "working") | {"MOGPLEX_URL": mogplex}
    done = run(tmp_path, "login", text=DEMO_TOKEN, **more)
    assert "is stored in the keyring" in done.stderr
    assert not tokens_file(tmp_path).exists()
    kept = Path(more["PYTHONPATH"], "kept.json")
    assert json.loads(kept.read_text()) == {f"mogplex-mcp {mogplex}": DEMO_TOKEN}
    assert "takes precedence" not in done.stderr
    assert "removed from the keyring" in run(tmp_path, "logout", **more).stderr
    assert json.loads(kept.read_text()) == {}


def test_the_place_that_is_chosen_later_is_the_only_one_left(mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, "working") | {"MOGPLEX_URL": mogplex}
    kept = Path(more["PYTHONPATH"], "kept.json")
    assert run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, **more).code == 0
    assert run(tmp_path, "login", "--file", text=DEMO_READ_ONLY_TOKEN, **more).code == 0
    assert json.loads(kept.read_text()) == {}
    assert json.loads(tokens_file(tmp_path).read_text()) == {mogplex: DEMO_READ_ONLY_TOKEN}
    assert run(tmp_path, "login", text=DEMO_TOKEN, **more).code == 0
    assert not tokens_file(tmp_path).exists()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("locked", "it is locked"), ("broken", "it failed (RuntimeError)"), ("forgetful", "it did not keep the token")],
)
def test_a_keyring_that_does_not_work_is_named_and_the_file_taken(
    kind: str, reason: str, mogplex: str, tmp_path: Path
) -> None:
    more = keyring(tmp_path, kind) | {"MOGPLEX_URL": mogplex}
    done = run(tmp_path, "login", text=DEMO_TOKEN, **more)
    assert done.code == 0
    assert f"The keyring cannot be used: {reason}." in done.stderr
    assert f"is stored in the file {tokens_file(tmp_path)}" in done.stderr
    assert "takes precedence" not in done.stderr
    assert_without(done.stderr, DEMO_TOKEN)
    assert run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, **more).code == 1


def test_a_logout_that_cannot_open_the_keyring_says_that_a_token_may_be_left(tmp_path: Path) -> None:
    done = run(tmp_path, "logout", **keyring(tmp_path, "locked"))
    assert done.code == 1
    assert "it is locked. A token for https://mogplex.com may still be in it." in done.stderr


def test_a_machine_without_a_keyring_does_as_well_with_the_file(mogplex: str, tmp_path: Path) -> None:
    more = keyring(tmp_path, "absent") | {"MOGPLEX_URL": mogplex}
    assert "The keyring" not in run(tmp_path, "login", text=DEMO_TOKEN, **more).stderr
    assert "this machine has none that works" in run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, **more).stderr
    assert tokens_file(tmp_path).exists()
    done = run(tmp_path, "logout", **more)
    assert (done.code, tokens_file(tmp_path).exists()) == (0, False)


def test_without_the_extra_a_keyring_is_not_missed_unless_it_was_asked_for(mogplex: str, tmp_path: Path) -> None:
    assert "The keyring" not in run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex).stderr
    done = run(tmp_path, "login", "--keyring", text=DEMO_TOKEN, MOGPLEX_URL=mogplex)
    assert done.code == 1
    assert "mogplex-mcp[keyring]" in done.stderr


def test_a_home_that_takes_no_file_is_told_with_what_to_do_instead(mogplex: str, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    done = run(tmp_path, "login", text=DEMO_TOKEN, MOGPLEX_URL=mogplex, HOME=str(tmp_path / "home"))
    assert done.code == 1
    assert (
        "tokens.json cannot be used: Not a directory.\nThe token could not be stored. Set MOGPLEX_API_KEY"
        in done.stderr
    )
    assert_without(done.stderr, DEMO_TOKEN)


def test_what_comes_before_the_stored_token_is_said(mogplex: str, tmp_path: Path) -> None:
    more = {"MOGPLEX_URL": mogplex, "MOGPLEX_API_KEY": TOKEN}
    done = run(tmp_path, "login", text=DEMO_TOKEN, **more)
    assert "The token in the environment takes precedence" in done.stderr
    done = run(tmp_path, "logout", **more)
    assert "Another token is still found in the environment." in done.stderr
    assert "until you revoke it" in done.stderr
    assert_without(done.stderr, TOKEN, DEMO_TOKEN)


def test_a_logout_of_somebody_who_never_logged_in_is_no_failure(tmp_path: Path) -> None:
    done = run(tmp_path, "logout")
    assert done.code == 0
    assert "No token was stored for https://mogplex.com." in done.stderr


def test_a_mogplex_that_says_the_token_back_does_not_make_it_shown(tmp_path: Path) -> None:
    with Mirror() as mirror:
        done = run(tmp_path, "login", text=TOKEN, MOGPLEX_URL=mirror.url)
    mirror.check(TOKEN)
    assert_without(done.stderr + done.stdout, TOKEN)


# A shell gives its commands a terminal of their own; this does the same.
_WITH_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A login in a terminal, and the person in front of it."""

    def __init__(self, home: Path, *arguments: str, **more: str) -> None:
        self._screen, self.terminal = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WITH_TERMINAL, *PROGRAM, "login", *arguments],
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


def test_what_a_person_types_is_not_shown(mogplex: str, tmp_path: Path) -> None:
    with contextlib.closing(Terminal(tmp_path, "--file", MOGPLEX_URL=mogplex)) as person:
        person.read_until("not shown): ")
        person.type(f"{DEMO_TOKEN}\n")
        assert person.end() == 0, person.shown
        assert "is stored in the file" in person.shown
        assert_without(person.shown, DEMO_TOKEN)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 69), ("", 69)])
def test_a_person_is_asked_whether_to_keep_what_could_not_be_checked(answer: str, code: int, tmp_path: Path) -> None:
    with contextlib.closing(Terminal(tmp_path, "--file", MOGPLEX_URL=NOWHERE)) as person:
        person.read_until("not shown): ")
        person.type(f"{TOKEN}\n")
        person.read_until("[y/N]")
        person.type(f"{answer}\n")
        assert person.end() == code
    assert tokens_file(tmp_path).exists() == (code == 0)


def test_an_interrupted_login_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with contextlib.closing(Terminal(tmp_path, MOGPLEX_URL=NOWHERE)) as person:
        before = termios.tcgetattr(person.terminal)
        person.read_until("not shown): ")
        person.type("\x03")
        assert person.end() == 130
        assert termios.tcgetattr(person.terminal) == before
        assert "Traceback" not in person.shown
