"""What rows of a recording tell: who asked, and which objects stand in the answers."""

from collections.abc import Iterator
from typing import Any

from mogplex_mcp.simulator import User, World
from mogplex_mcp.simulator.formats import epoch

from .recordings import Row

START = epoch("2026-11-22T01:51:20+00:00")
"""The moment at which a replay begins: after everything that was there before the recording."""
_LATER_FROM = 1_000
_LATER_START = epoch("2026-11-27T03:09:00+00:00")
"""The same for the later sessions, numbered from 1000."""

UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def start_of(rows: list[Row]) -> float:
    """Return the moment at which the replay of these rows begins, epoch seconds."""
    return START if rows[0].n < _LATER_FROM else _LATER_START


class Recording:
    """Rows of a recording, and the world that they are made into step by step."""

    def __init__(self, rows: list[Row], world: World) -> None:
        self.rows = rows
        self.world = world
        self.created = self._created_ids()

    def owner_of(self, row: Row) -> User | None:
        """The user who asked, if the token was one."""
        token = self.world.token(row.token or "")
        return self.world.user(token.user_id) if token else None

    def found(self, *keys: str) -> Iterator[tuple[Row, User, dict[str, Any]]]:
        """Find the objects with all these keys in successful answers, with the user who saw them."""
        for row in self.rows:
            owner = self.owner_of(row)
            if owner is not None and row.json is not None and row.status < 300:
                for item in objects_in(row.json):
                    if all(key in item for key in keys):
                        yield row, owner, item

    def _created_ids(self) -> set[str]:
        """List the ids that were made during the recording."""
        made: set[str] = set()
        for row in self.rows:
            data = row.json
            if row.method != "POST" or data is None:
                continue
            for item in objects_in(data):
                if item.get("replayed") is False:
                    made.add(item["runId"])
                if item.get("outcome") == "queued" and "jobRunId" in item:
                    made.add(item["jobRunId"])
                if row.status == 201:
                    made.add(item.get("id", ""))
        return made


def data_of(row: Row) -> dict[str, Any]:
    """The data of an envelope that was kept whole and says that all is well."""
    well = isinstance(row.json, dict) and row.json.get("ok") and not row.is_cut
    return row.json["data"] if well else {}


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """All objects of an answer, the outer ones first."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects_in(item)
