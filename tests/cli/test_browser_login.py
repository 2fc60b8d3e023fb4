"""`login` with a browser and what follows it, as real processes; the browser is a program that follows redirects."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

import pytest

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.grant import Grant
from mogplex_mcp.credentials.token_store import FileStore
from tests.cli.login_support import run, tokens_file
from tests.systems import with_posix
from tests.transports.processes import PROGRAM, environment, simulator
from tests.trust.canaries import assert_without

BROWSER = "import sys, urllib.request\nurllib.request.urlopen(sys.argv[1], timeout=60).read()\n"


@pytest.fixture(scope="module")
def mogplex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulator(tmp_path_factory.mktemp("simulator"), "signed-in") as url:
        yield url


def browser(folder: Path, text: str = BROWSER) -> str:
    script = folder / "browser.py"
    script.write_text(text)
    return f"{sys.executable} {script} %s"


@with_posix
def test_person_signs_in_uses_the_api_and_signs_out(mogplex: str, tmp_path: Path) -> None:
    more = {"MOGPLEX_URL": mogplex, "BROWSER": browser(tmp_path)}
    done = run(tmp_path, "login", "--browser", **more)
    assert done.code == 0, done.stderr
    assert f"{mogplex}/api/auth/mcp/authorize?" in done.stderr
    assert "You are signed in, with the scopes read and write. The sign-in is refreshed" in done.stderr
    assert f"is stored in the file {tokens_file(tmp_path)}, for {mogplex} only." in done.stderr
    grant = Grant.parse(json.loads(tokens_file(tmp_path).read_text())[mogplex])
    assert tokens_file(tmp_path).stat().st_mode & 0o077 == 0

    checked = run(tmp_path, "call", "check_connection", **more)
    assert "OAuth access token, valid until" in checked.stdout
    listed = run(tmp_path, "repos", "list", **more)
    assert "acme/web" in listed.stdout, listed.stderr
    gone = run(tmp_path, "logout", **more)
    assert "offers no way to revoke the sign-in: its access token stays valid for" in gone.stderr
    assert not tokens_file(tmp_path).exists()
    FileStore(tokens_file(tmp_path)).put(mogplex, replace(grant, expires_at=grant.issued_at).text)
    assert "its access token has expired already." in run(tmp_path, "logout", **more).stderr
    for output in (done, checked, listed, gone):
        assert_without(output.stderr + output.stdout, grant.access_token.value, grant.refresh_token.value)


@with_posix
def test_browser_that_does_not_come_back_leaves_nothing_when_the_person_gives_up(mogplex: str, tmp_path: Path) -> None:
    started = subprocess.Popen(
        [*PROGRAM, "login", "--no-browser"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(tmp_path, {"MOGPLEX_URL": mogplex}),
        text=True,
    )
    assert started.stderr is not None
    said = ""
    while "Ctrl-C gives up" not in said:
        line = started.stderr.readline()
        assert line, said
        said += line
    assert "ssh -L" in said
    started.send_signal(signal.SIGINT)
    rest = started.communicate(timeout=60)[1]
    assert "Traceback" not in rest
    assert started.returncode != 0
    assert not tokens_file(tmp_path).exists()


def test_sign_in_without_a_network_says_what_to_check(tmp_path: Path) -> None:
    done = run(tmp_path, "login", "--browser", MOGPLEX_URL="http://127.0.0.1:9")
    assert done.code == 69
    assert "the connection was refused. Nothing was stored. `mogplex-mcp doctor` checks the network" in done.stderr


class Refreshing:
    """A Mogplex that answers a refresh when it is allowed to, and takes one access token."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.refreshed_with: list[str] = []
        self.shown: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                server.refreshed_with += form["refresh_token"]
                server.asked.set()
                server.may_answer.wait(60)
                tokens = {"access_token": "N" * 32, "refresh_token": "R" * 32, "token_type": "bearer"}
                self._answer(tokens | {"expires_in": 3_600})

            def do_GET(self) -> None:
                server.shown.append(self.headers["authorization"])
                self._answer({"ok": True, "data": {"repos": []}})

            def _answer(self, content: Any) -> None:
                body = json.dumps(content).encode()
                try:
                    self.send_response(200)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the process was killed

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()


@with_posix
def test_process_that_is_killed_in_mid_refresh_leaves_the_grant_and_no_lock(tmp_path: Path) -> None:
    with Refreshing() as mogplex:
        old = Grant(
            Token.parse("O" * 32), Secret("F" * 32), "client", f"{mogplex.url}/token", issued_at=1.0, expires_at=3_601.0
        )
        FileStore(tokens_file(tmp_path)).put(mogplex.url, old.text)
        killed = subprocess.Popen(
            [*PROGRAM, "repos", "list"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(tmp_path, {"MOGPLEX_URL": mogplex.url}),
        )
        assert mogplex.asked.wait(60)
        killed.kill()
        killed.wait(60)
        assert FileStore(tokens_file(tmp_path)).get(mogplex.url) == old.text

        mogplex.may_answer.set()
        done = run(tmp_path, "repos", "list", MOGPLEX_URL=mogplex.url)
        assert done.code == 0, done.stderr
        stored = Grant.parse(FileStore(tokens_file(tmp_path)).get(mogplex.url))
        assert (stored.access_token.value, stored.refresh_token.value) == ("N" * 32, "R" * 32)
        assert mogplex.refreshed_with == ["F" * 32] * 2
        assert mogplex.shown == [f"Bearer {'N' * 32}"]
