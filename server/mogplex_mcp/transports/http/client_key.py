"""The client key of the operator: compared in constant time, and recognised when it is mistyped.

Every other bearer may be an OAuth token of Mogplex, and is sent there. A client key with a typo must not be.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator


class ClientKey:
    """The key with which callers use the token of the server.

    Only digests are compared, so that the time that it takes says nothing of the key but its length.

    Args:
        key: The key; "" for none.
    """

    def __init__(self, key: str) -> None:
        self._salt = secrets.token_bytes(16)
        self._length = len(key.encode())
        self._digest = self._hashed(key.encode()) if key else b""
        self._near = frozenset(map(self._hashed, (key.encode(), *_with_one_less(key.encode()))))

    @property
    def is_set(self) -> bool:
        """Whether the operator has set one."""
        return bool(self._digest)

    def matches(self, given: bytes) -> bool:
        """Return whether a text is the key."""
        return bool(self._digest) and hmac.compare_digest(self._hashed(given), self._digest)

    def resembles(self, given: bytes) -> bool:
        """Return whether a text is the key with one byte replaced, missing, added or moved."""
        if not self._digest or abs(len(given) - self._length) > 1:
            return False
        return bool(self._near & set(map(self._hashed, (given, *_with_one_less(given)))))

    def _hashed(self, value: bytes) -> bytes:
        return hashlib.blake2b(value, key=self._salt, digest_size=32).digest()


def _with_one_less(value: bytes) -> Iterator[bytes]:
    return (value[:at] + value[at + 1 :] for at in range(len(value)))
