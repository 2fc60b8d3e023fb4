"""The one-line text result of each hosted tool; the data are in the structured content only."""

from collections.abc import Callable

from .hosted_tool import Data

Line = Callable[[Data, Data], str]
"""Makes the line from the arguments and the data of a tool call."""


def listed(what: str, key: str) -> Line:
    """Return a function that counts the items under a key."""
    return lambda _, data: f"Found {len(data[key])} {what}."


def automations(_: Data, data: Data) -> str:
    """Count automations, and report whether there are more."""
    more = " More are available with nextCursor." if data["nextCursor"] else ""
    return f"Found {len(data['automations'])} Mogplex automation summaries.{more}"


def automation(verb: str) -> Line:
    """Return a function that reports what was done to an automation."""

    def line(_: Data, data: Data) -> str:
        it = data["automation"]
        return f"{verb} Mogplex automation {it['id']} ({it['name']}). Status: {it['status']}."

    return line


def events(given: Data, data: Data) -> str:
    """Count events and repeat the last one of the window."""
    rows = data["events"]
    latest = (rows[-1]["message"] or rows[-1]["type"]) if rows else "none"
    return f"Found {len(rows)} events for Mogplex run {given['runId']}. Latest: {latest}."


def logs(given: Data, data: Data) -> str:
    """Count lifecycle events."""
    count = len(data["lifecycle_events"])
    return f"Loaded sandbox logs and {count} lifecycle events for {given['sandboxId']}."


def trigger(given: Data, data: Data) -> str:
    """Report the outcome of a trigger."""
    run = data["run"]
    outcome = f"Automation {given['automationId']} trigger outcome: {run['outcome']}."
    return f"{outcome} Job run: {run['jobRunId'] or 'none'}."


def started(_: Data, data: Data) -> str:
    """Report that a run was started, also if it was only replayed."""
    run = data["run"]
    return f"Started Mogplex run {run['runId']} on branch {run['branch']['working']}. Status: {run['status']}."
