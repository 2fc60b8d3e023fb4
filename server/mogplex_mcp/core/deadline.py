"""Deadlines for blocking calls without one, such as a keyring that waits for its user, or a name lookup."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import anyio

T = TypeVar("T")


def in_thread(function: Callable[[], T]) -> "Future[T]":
    """Call a function in a daemon thread, which does not keep the process alive."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # it can't be cancelled any more

    def call() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised where the future is awaited
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future


async def within(seconds: float, function: Callable[[], T]) -> T:
    """Return the result of a blocking call; after the deadline it continues in its thread.

    Raises:
        TimeoutError: The call took longer than `seconds`.
    """
    with anyio.fail_after(seconds):
        return await asyncio.wrap_future(in_thread(function))
