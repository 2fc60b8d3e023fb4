"""The ids of tasks: all that a task is, sealed, so that any replica and a restarted server can answer for it.

An id is opaque to its client: encrypted, and bound to the caller by whom it was made. It grants nothing by itself:
every look at what it names is authorized by Mogplex with the token of the request.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import mcp_types
from mcp.server.request_state import InvalidRequestState
from mcp.shared.exceptions import MCPError

from mogplex_mcp.storage.store import Store
from mogplex_mcp.toolkit.sealing import SharedKeyCodec

# Tells the ids from all else that is sealed with the same key.
_PREFIX: Final = b"task1:"
_LONGEST_ID: Final = 8_000
_SAY_AGAIN: Final = "call the tool again, with the id of the run, to go on waiting"


@dataclass(frozen=True)
class Task:
    """A wait that its client comes back for.

    Attributes:
        tool: The tool that waits.
        arguments: Its arguments, with the id of what is waited for.
        owner: A digest of the identity of the caller.
        created: When it was created, in milliseconds since the epoch.
        seconds: How long it is valid, in seconds.
    """

    tool: str
    arguments: Mapping[str, Any]
    owner: str
    created: int
    seconds: float


class TaskIds:
    """Seals tasks into ids, and opens them again."""

    def __init__(self) -> None:
        self._codec = SharedKeyCodec(lasting=True)

    async def seal(self, store: Store, task: Task) -> str:
        """Return the id of a task."""
        await self._codec.share(store)
        return self._codec.seal(_PREFIX + zlib.compress(json.dumps(asdict(task), separators=(",", ":")).encode()))

    async def open(self, store: Store, task_id: str, owner: str) -> Task:
        """Return the task with this id.

        Args:
            store: Where the key is.
            task_id: What the client sent.
            owner: A digest of the identity of the caller.

        Raises:
            MCPError: `INVALID_PARAMS`; it is not an id of this server, or of another caller, or has expired.
        """
        await self._codec.share(store)
        try:
            sealed = self._codec.unseal(task_id) if len(task_id) <= _LONGEST_ID else b""
        except InvalidRequestState:
            sealed = b""
        if not sealed.startswith(_PREFIX):
            raise task_error("unknown_task", f"this server has issued no such taskId, or has a new key; {_SAY_AGAIN}")
        task = Task(**json.loads(zlib.decompress(sealed.removeprefix(_PREFIX))))
        if task.owner != owner:
            raise task_error(
                "foreign_task", f"it belongs to another caller, or to a token that was replaced; {_SAY_AGAIN}"
            )
        if store.now() > task.created / 1_000 + task.seconds:
            named = ", ".join(f'{name} "{value}"' for name, value in task.arguments.items() if name.endswith("_id"))
            raise task_error("expired_task", f"it has expired; call {task.tool} again, with {named}, to go on waiting")
        return task


def owner_of(identity: str) -> str:
    """Return the digest that stands for an identity in an id."""
    return hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()


def task_error(name: str, reason: str) -> MCPError:
    """Return the error for a task that cannot be answered for (SEP-2663, "Protocol Errors")."""
    return MCPError(mcp_types.INVALID_PARAMS, f"Failed to retrieve task: {reason}.", {"error": name})
