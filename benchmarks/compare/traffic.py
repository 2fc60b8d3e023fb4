"""Requests of a contender to Mogplex, identified by its own token."""

from dataclasses import dataclass
from typing import Final

TOKENS: Final = tuple(f"mog_Bench{number:027d}" for number in range(32))
"""Tokens that open nothing but the simulator of this benchmark."""


@dataclass
class Traffic:
    """What one token has asked so far.

    Attributes:
        requests: HTTP requests.
        units: What they cost of the token's minute.
        connections: Connections that were opened.
        bytes_up: Heads and bodies of the requests.
        bytes_down: Heads and bodies of the answers.
    """

    requests: int = 0
    units: int = 0
    connections: int = 0
    bytes_up: int = 0
    bytes_down: int = 0

    def since(self, before: "Traffic") -> "Traffic":
        """What has been asked since then."""
        return Traffic(**{name: count - vars(before)[name] for name, count in vars(self).items()})

    def plus(self, more: "Traffic") -> "Traffic":
        """Both together."""
        return Traffic(**{name: count + vars(more)[name] for name, count in vars(self).items()})
