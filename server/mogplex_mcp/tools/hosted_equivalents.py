"""Which tool of ours does what a route or a hosted tool of Mogplex does (mogplex-api.md, section 1)."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def route_equivalents() -> Mapping[str, str]:
    """Return the tool for each route, by method and path."""
    return _table("routes")


@cache
def hosted_equivalents() -> Mapping[str, str]:
    """Return the tool for each hosted tool, by its name."""
    return _table("hosted")


def _table(name: str) -> Mapping[str, str]:
    tables: dict[str, dict[str, str]] = json.loads(
        files(__package__).joinpath("hosted_equivalents.json").read_text("utf-8")
    )
    return tables[name]
