"""Answers before the server is loaded: what it answered at an earlier start to the very same bytes, it answers again.

Loading the server takes half a second, and clients begin with the same questions every time: who it is, which tools it
has. While the main thread loads it, a thread here reads what the client says. As long as that is byte for byte what was
said at an earlier start, under the same circumstances, the server's own answers of then are given. What they mean is
nobody's business here; `discovery` keeps the answers, and lets the server know what was said.

This stands between a client and its first answer: `typing`, `threading` and `json` alone would take twice its time.
"""

from __future__ import annotations

import _thread
import hashlib
import os
import select
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

# No line that is answered here is longer; what is, the server itself shall read.
LONGEST_LINE: Final = 65_536
_PACKAGE: Final = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib is slow to import
# What a pipe takes without blocking once it is writable (POSIX: PIPE_BUF).
_WRITE_BYTES: Final = 4_096
# How long the main thread may go on loading before the listening one has its turn.
_TURN_SECONDS: Final = 0.0005
# Whether there is such a variable may matter. What it holds does not: it is not even hashed.
_SECRET: Final = ("_KEY", "_TOKEN")


class Conversation:
    """All that a client has said up to some line, and under which circumstances.

    Args:
        folder: Holds a file for each line that is known, with the answer in it.
        said: The circumstances, and the lines with their ends.
    """

    def __init__(self, folder: str, said: bytes) -> None:
        self.folder = folder
        self._said = said

    @property
    def path(self) -> str:
        """The file with the answer to the last line. Its name tells nobody what was said."""
        return f"{self.folder}/{hashlib.sha256(self._said).hexdigest()}"

    def then(self, line: bytes) -> Conversation:
        """The conversation with one more line, given without its end."""
        return Conversation(self.folder, self._said + line + b"\n")

    def known_answer(self) -> bytes | None:
        """The answer to the last line; empty if there was none to give, None if it is not known.

        Before the first line it tells whether a client was ever served under these circumstances.
        """
        try:
            if not self.is_private():
                return None
            with open(self.path, "rb") as file:  # noqa: PTH123 - pathlib is slow to import
                answer = file.read()
        except OSError:
            return None
        # After a power failure a file may hold anything.
        return answer if not answer or (answer[:1] == b"{" and answer.find(b"}\n") == len(answer) - 2) else None

    def is_private(self) -> bool:
        """Whether the folder is this user's alone: who can write there decides what clients are told.

        Raises:
            OSError: There is no such folder.
        """
        found = os.lstat(self.folder)
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


class Listener:
    """Answers what is known, in a thread, until it is stopped or the client says something else.

    Args:
        conversation: The conversation before its first line.

    Attributes:
        conversation: The conversation up to the last line that was known.
        answered: The lines that were known: the conversation up to each, the line, its answer.
        unread: What the client said after them.
        unsent: What has not been written yet of the answers.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.answered: list[tuple[Conversation, bytes, bytes]] = []
        self.unread = b""
        self.unsent = b""
        self._woken, self._wake = os.pipe()
        self._listening = _thread.allocate_lock()
        self._turn = sys.getswitchinterval()

    def start(self) -> None:
        """Begin to listen, if anything is known."""
        if self.conversation.known_answer() is not None:
            sys.setswitchinterval(_TURN_SECONDS)
            self._listening.acquire()
            _thread.start_new_thread(self._run, ())

    def stop(self) -> None:
        """Leave stdin and stdout to the caller: when this returns, nobody here touches them any more."""
        os.close(self._wake)
        with self._listening:
            os.close(self._woken)
        sys.setswitchinterval(self._turn)

    def _run(self) -> None:
        try:
            self._listen()
        except OSError:
            # The client is gone. Whoever takes over meets the same, and knows what to do about it.
            return
        finally:
            self._listening.release()

    def _listen(self) -> None:
        while len(self.unread) <= LONGEST_LINE and self._can(0, select.POLLIN):
            chunk = os.read(0, LONGEST_LINE)
            if not chunk:
                if not self.unread:
                    # The client got all that it wanted: the server would be loaded only to end.
                    os._exit(0)
                return
            self.unread += chunk
            for answer in self._known_answers():
                self.unsent = answer
                while self.unsent:
                    if not self._can(1, select.POLLOUT):
                        return
                    self.unsent = self.unsent[os.write(1, self.unsent[:_WRITE_BYTES]) :]
            if b"\n" in self.unread:
                return

    def _known_answers(self) -> Iterator[bytes]:
        while b"\n" in self.unread:
            line, _, rest = self.unread.partition(b"\n")
            conversation = self.conversation.then(line)
            answer = conversation.known_answer()
            if answer is None:
                return
            self.conversation, self.unread = conversation, rest
            self.answered.append((conversation, line, answer))
            yield answer

    def _can(self, descriptor: int, what: int) -> bool:
        """Wait until something can be done; False if it is too late for that."""
        poll = select.poll()
        poll.register(self._woken, 0)
        poll.register(descriptor, what)
        return all(one != self._woken for one, _ in poll.poll())


_listener: Listener | None = None


def listen() -> None:
    """Answer in the background what can be answered, until somebody takes over."""
    global _listener  # noqa: PLW0603 - a process has one stdin
    home = os.environ.get("HOME")
    if os.name == "posix" and home and sys.stderr and _is_pipe(0) and _is_pipe(1):
        caches = f"{home}/Library/Caches" if sys.platform == "darwin" else f"{home}/.cache"
        folder = f"{os.environ.get('XDG_CACHE_HOME') or caches}/mogplex-mcp/answers"
        if not folder.startswith("/"):
            # It would lie in whatever folder the client happens to be.
            return
        try:
            listener = Listener(Conversation(folder, _circumstances()))
            listener.start()
        except (OSError, RuntimeError):
            # No pipe or thread to be had here: then the server answers, when it is there.
            return
        _listener = listener


def take_over() -> Listener | None:
    """What was heard and said so far; from now on stdin and stdout are the caller's. None if nobody could listen."""
    global _listener
    listener, _listener = _listener, None
    if listener:
        listener.stop()
    return listener


def _is_pipe(descriptor: int) -> bool:
    """Whether a standard stream is a pipe or a socket, which can be waited for."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _circumstances() -> bytes:
    """All that answers depend on beside what the client says: the code of everything, and the user's choices."""
    variables = sorted(
        (name, "" if name.endswith(_SECRET) else value)
        for name, value in os.environ.items()
        if name.startswith("MOGPLEX_")
    )
    # When a package is installed, updated or removed, the folder that it stands in changes.
    packages = [(one, os.stat(one).st_mtime_ns) for one in sys.path if one.endswith("-packages")]  # noqa: PTH116 - pathlib is slow to import
    code = sorted(_files(_PACKAGE))
    return repr((sys.version, sys.argv[1:], variables, packages, code)).encode()


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir():
                found = entry.stat()
                yield entry.path, found.st_mtime_ns, found.st_size
            elif entry.name != "__pycache__":
                yield from _files(entry.path)
