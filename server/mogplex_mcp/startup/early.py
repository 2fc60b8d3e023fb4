"""Early responses: cached responses to a client's first requests, sent while the server is still loading.

Loading the server takes half a second, and clients begin with the same requests every time (`initialize`,
`tools/list`). While the main thread loads it, a thread here reads stdin. As long as the bytes are those of an earlier
start under the same circumstances, the responses of that start are sent. They are not parsed here; `discovery` fills
the cache and replays the requests to the server.

The imports of this module delay the first response: `typing`, `threading` and `json` alone would double its time.
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

# Longer lines are left to the server.
LONGEST_LINE: Final = 65_536
_PACKAGE: Final = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib is slow to import
# PowerShell and others write a byte order mark before the first message.
_BOM: Final = b"\xef\xbb\xbf"
# The switch interval of threads meanwhile, so that loading does not delay the listener.
_SWITCH_SECONDS: Final = 0.0005
# Responses may depend on whether such a variable is set, but not on its value, which is not even hashed.
_SECRET: Final = ("_KEY", "_TOKEN")


class Conversation:
    """All lines that a client has sent so far, and the circumstances.

    Args:
        folder: The cache: a file for each known line, which contains the response.
        content: The circumstances, and the lines with their newlines.
    """

    def __init__(self, folder: str, content: bytes) -> None:
        self.folder = folder
        self._content = content

    @property
    def path(self) -> str:
        """The file with the response to the last line. Its name is a hash, which does not reveal the lines."""
        return f"{self.folder}/{hashlib.sha256(self._content).hexdigest()}"

    def then(self, line: bytes) -> Conversation:
        """Return the conversation with one more line, given without its newline."""
        return Conversation(self.folder, self._content + line + b"\n")

    def known_answer(self) -> bytes | None:
        """Return the response to the last line; empty if it has none, None if it is not known.

        Before the first line, it says whether a client was ever served under these circumstances.
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
        """Return whether only this user can write to the folder, and so decide what clients receive.

        Raises:
            OSError: There is no such folder.
        """
        found = os.lstat(self.folder)
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


class Listener:
    """Sends cached responses, in a thread, until it is stopped or the client sends something unknown.

    Args:
        conversation: The conversation before its first line.

    Attributes:
        conversation: The conversation up to the last known line.
        answered: The known lines: the conversation up to each, the line, its response.
        unread: Bytes that the client sent after them.
        unsent: The part of a response that has not been written yet.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.answered: list[tuple[Conversation, bytes, bytes]] = []
        self.unread = b""
        self.unsent = b""
        self._woken, self._wake = os.pipe()
        self._listening = _thread.allocate_lock()
        self._switch_interval = sys.getswitchinterval()

    def start(self) -> None:
        """Start to listen, if anything is cached."""
        if self.conversation.known_answer() is not None:
            sys.setswitchinterval(_SWITCH_SECONDS)
            self._listening.acquire()
            _thread.start_new_thread(self._run, ())

    def stop(self) -> None:
        """Stop; when this returns, stdin and stdout are the caller's."""
        os.close(self._wake)
        with self._listening:
            os.close(self._woken)
        sys.setswitchinterval(self._switch_interval)

    def _run(self) -> None:
        try:
            self._listen()
        except OSError:
            # The client is gone; the server will get the same error and handle it.
            return
        finally:
            self._listening.release()

    def _listen(self) -> None:
        while len(self.unread) <= LONGEST_LINE and self._can(0, select.POLLIN):
            chunk = os.read(0, LONGEST_LINE)
            if not chunk:
                if not self.unread:
                    # The client got all responses: the server would be loaded only to exit.
                    os._exit(0)
                return
            self.unread += chunk
            for answer in self._known_answers():
                self.unsent = answer
                # A pipe that is writable accepts PIPE_BUF bytes without blocking (POSIX), a socket more.
                while self.unsent:
                    if not self._can(1, select.POLLOUT):
                        return
                    self.unsent = self.unsent[os.write(1, self.unsent[: select.PIPE_BUF]) :]
            if b"\n" in self.unread:
                return

    def _known_answers(self) -> Iterator[bytes]:
        while b"\n" in self.unread:
            line, _, rest = self.unread.partition(b"\n")
            line = line.removeprefix(_BOM)
            conversation = self.conversation.then(line)
            answer = conversation.known_answer()
            if answer is None:
                return
            self.conversation, self.unread = conversation, rest
            self.answered.append((conversation, line, answer))
            yield answer

    def _can(self, descriptor: int, what: int) -> bool:
        """Wait until a descriptor is ready; return False if the listener was stopped."""
        poll = select.poll()
        # macOS reports nothing for a descriptor that is registered without events, not even that it was closed.
        poll.register(self._woken, select.POLLIN)
        poll.register(descriptor, what)
        return all(one != self._woken for one, _ in poll.poll())


_listener: Listener | None = None


def listen() -> None:
    """Send cached responses in the background until `take_over` is called."""
    global _listener  # noqa: PLW0603 - a process has one stdin
    home = os.environ.get("HOME")
    if os.name == "posix" and home and sys.stderr and _is_pipe(0) and _is_pipe(1):
        caches = f"{home}/Library/Caches" if sys.platform == "darwin" else f"{home}/.cache"
        folder = f"{os.environ.get('XDG_CACHE_HOME') or caches}/mogplex-mcp/answers"
        if not folder.startswith("/"):
            # It would be relative to the client's working directory.
            return
        try:
            listener = Listener(Conversation(folder, _circumstances()))
            listener.start()
        except (OSError, RuntimeError):
            # No pipe or thread is available: the server will answer, once it is loaded.
            return
        _listener = listener


def take_over() -> Listener | None:
    """Stop the listener and return it; stdin and stdout are the caller's from now on. None if there was none."""
    global _listener
    listener, _listener = _listener, None
    if listener:
        listener.stop()
    return listener


def _is_pipe(descriptor: int) -> bool:
    """Return whether a standard stream is a pipe or a socket, which poll() can wait for."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _circumstances() -> bytes:
    """Return what responses depend on in addition to the client's messages: all code, and the user's choices."""
    variables = sorted(
        (name, "" if name.endswith(_SECRET) else value)
        for name, value in os.environ.items()
        if name.startswith("MOGPLEX_")
    )
    # When a package is installed, updated or removed, the mtime of its folder changes.
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
