"""Sends built responses in a thread while the main thread loads the server, which takes most of a second."""

import os
import select
import stat
import sys
import threading
from collections.abc import Iterator
from typing import Final

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.standard_streams import STDIN, STDOUT, Handover
from mogplex_mcp.startup.built_answers import Conversation, results

# More is left to the server.
_MOST_BYTES: Final = 65_536
# The switch interval of threads meanwhile, so that loading does not delay responses.
_SWITCH_SECONDS: Final = 0.0005


class Listener:
    """Reads stdin and sends built responses until it is stopped.

    Args:
        conversation: The client's, before its first line.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._pending = b""
        self._unsent = b""
        self._stopped, self._stop = os.pipe()
        self._switch_interval = sys.getswitchinterval()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._thread.start()

    def stop(self) -> Handover:
        """Stop the thread; stdin and stdout are the caller's from now on."""
        os.close(self._stop)
        self._thread.join()
        os.close(self._stopped)
        sys.setswitchinterval(self._switch_interval)
        return Handover(self._conversation.left + self._pending, self._unsent, self._conversation.initialize)

    def _run(self) -> None:
        try:
            for response in self._responses():
                self._unsent = response
                while self._unsent:
                    if not self._can(STDOUT, select.POLLOUT):
                        return
                    # A pipe that is writable accepts PIPE_BUF bytes without blocking (POSIX), a socket more.
                    self._unsent = self._unsent[os.write(STDOUT, self._unsent[: select.PIPE_BUF]) :]
        except OSError:
            # The client is gone; the server will get the same error and handle it.
            return

    def _responses(self) -> Iterator[bytes]:
        while len(self._conversation.left) + len(self._pending) <= _MOST_BYTES and self._can(STDIN, select.POLLIN):
            chunk = os.read(STDIN, _MOST_BYTES)
            if not chunk:
                if self._conversation.is_complete and not self._pending:
                    # The client got all responses: the server would be loaded only to exit.
                    os._exit(0)
                return
            self._pending += chunk
            while b"\n" in self._pending:
                line, _, self._pending = self._pending.partition(b"\n")
                if response := self._conversation.answer(line):
                    yield response

    def _can(self, descriptor: int, what: int) -> bool:
        """Wait until a descriptor is ready; return False if the listener was stopped."""
        poll = select.poll()
        # macOS reports nothing for a descriptor that is registered without events, not even that it was closed.
        poll.register(self._stopped, select.POLLIN)
        poll.register(descriptor, what)
        return all(one != self._stopped for one, _ in poll.poll())


_listener: Listener | None = None


def listen(settings: Settings) -> None:
    """Send built responses in the background until `take_over` is called.

    On Windows, where a thread that reads a pipe cannot be stopped, the server answers everything.
    """
    global _listener  # noqa: PLW0603 - a process has one stdin
    if sys.platform == "win32" or not settings.early_answers or not (_is_pipe(STDIN) and _is_pipe(STDOUT)):
        return
    if built := results(settings):
        try:
            listener = Listener(Conversation(built))
            listener.start()
        except (OSError, RuntimeError):
            # No pipe or thread is available: the server will answer, once it is loaded.
            return
        _listener = listener


def take_over() -> Handover:
    """Stop the thread, if there is one, and return what passed; stdin and stdout are the caller's from now on."""
    global _listener
    listener, _listener = _listener, None
    return listener.stop() if listener else Handover()


def _is_pipe(descriptor: int) -> bool:
    """Return whether a standard stream is a pipe or a socket, which poll() can wait for."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
