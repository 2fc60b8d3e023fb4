"""Values that must not be shown."""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Secret:
    """A value that no `repr`, log or error shows."""

    value: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __str__(self) -> str:
        return "(hidden)" if self.value else "(not set)"


NO_SECRET: Final = Secret()
