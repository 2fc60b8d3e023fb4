"""Size of the results that reach a model, and the number of repositories in them."""

import json
from collections import Counter
from typing import Any

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.processes import UpstreamProcess, running
from benchmarks.compare.results import Sizes


async def measure_sizes(contender: Contender, upstream: UpstreamProcess, facts: list[dict[str, Any]]) -> Sizes:
    """Ask once.

    Args:
        contender: Whom.
        upstream: What it asks.
        facts: The repositories as the hosted endpoint lists them, the same for every contender.

    Raises:
        ContenderError: It does not answer, or with something else than text.
    """
    async with running(contender, upstream) as server:
        await server.client.open()
        listed = await server.client.request("tools/list", {})
        answer = await server.call()
        result = json.loads(answer)["result"]
        text = "".join(part["text"] for part in result["content"])
    structured = _compact(result["structuredContent"]) if "structuredContent" in result else ""
    return Sizes(
        tools_list=len(listed.strip()),
        answer=len(answer.strip()),
        text=len(text.encode()),
        structured=len(structured.encode()),
        reported_in_text=_reported(text, facts),
        reported_in_structured=_reported(structured, facts),
    )


async def repositories(hosted: Contender, upstream: UpstreamProcess) -> list[dict[str, Any]]:
    """The repositories as the hosted endpoint lists them.

    Raises:
        ContenderError: It lists none.
    """
    async with running(hosted, upstream) as server:
        await server.client.open()
        content = json.loads(await server.call())["result"].get("structuredContent", {})
    if not (rows := content.get("repos")):
        raise ContenderError("the hosted endpoint lists no repositories")
    found: list[dict[str, Any]] = rows
    return found


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _reported(said: str, facts: list[dict[str, Any]]) -> int:
    """Return how many repositories are identified: by name, and by id where several share a name."""
    names = Counter(row["full_name"] for row in facts)
    return sum(
        row["full_name"] in said
        and (names[row["full_name"]] == 1 or row["id"] in said)
        and row["default_branch"] in said
        for row in facts
    )
