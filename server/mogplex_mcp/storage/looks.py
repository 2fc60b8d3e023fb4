"""The last look at each run, which replicas share so that one of them asks Mogplex and the others read what it saw."""

from typing import NamedTuple, Protocol


class Look(NamedTuple):
    """What a replica saw of a run.

    Attributes:
        number: Grows with each look at the run.
        answer: The answer of Mogplex, truncated, as JSON.
        age_seconds: How long ago it was read.
    """

    number: int
    answer: str
    age_seconds: float


class SharedLooks(Protocol):
    """The looks of one tenant. Every method may raise `StateError`."""

    async def claim(self, run_id: str, *, seen: int, lease_seconds: float) -> Look | float:
        """Return a newer look, or take the lease on the next one.

        Args:
            run_id: The run.
            seen: The number of the look that the caller knows; 0 for none.
            lease_seconds: After this time without a look, another replica may take the lease.

        Returns:
            A look that is newer; or 0 if the lease is the caller's now, who has to look and to `publish` what it saw;
            or the seconds until the lease of another replica ends.
        """

    async def publish(self, run_id: str, answer: str) -> int:
        """Store a look, end the lease, and return the number of the look."""
