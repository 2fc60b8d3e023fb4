"""A deadline for calls that know none: a keyring that waits for its user, a name that nobody resolves."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import anyio

T = TypeVar("T")


def in_thread(function: Callable[[], T]) -> "Future[T]":
    """Call something in a thread of its own, which is no reason for the process to stay."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # nothing can stop it from here on

    def call() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future


async def within(seconds: float, function: Callable[[], T]) -> T:
    """The result of a call that may hang; given up, it goes on in its thread.

    Raises:
        TimeoutError: It took longer.
    """
    with anyio.fail_after(seconds):
        return await asyncio.wrap_future(in_thread(function))
