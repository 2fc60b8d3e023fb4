"""The key that seals what clients keep for us: between the rounds of a request, and while a task goes on."""

import os

from mcp.server.request_state import AESGCMRequestStateCodec

from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.store import Store


class SharedKeyCodec:
    """A `RequestStateCodec` with the key of all replicas, or with one of this process where there is none to share.

    With a key of the process, a question that was asked before a restart has to be asked again.

    Args:
        lasting: Whether what is sealed has to be valid after a restart, too; the key of a person is then in the state
            file. Only for what may be used twice, as opposed to a confirmation.
    """

    def __init__(self, *, lasting: bool = False) -> None:
        self._lasting = lasting
        self._own = os.urandom(32)
        self._codec = AESGCMRequestStateCodec([self._own])
        self._is_shared = False

    async def share(self, store: Store) -> None:
        """Take the key of all replicas, unless that was done. While it cannot be read, that of the process stays."""
        if self._is_shared:
            return
        try:
            key = await (store.lasting_key() if self._lasting else store.sealing_key())
        except StateError:
            return
        if key is not None:
            self._codec = AESGCMRequestStateCodec([key, self._own])
        self._is_shared = True

    def seal(self, payload: bytes) -> str:
        """See `RequestStateCodec.seal`."""
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        """See `RequestStateCodec.unseal`."""
        return self._codec.unseal(token)
