"""Checks of an outcome. Each returns a function that yields what is wrong."""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from evals.outcome import Outcome, Sent
from evals.task import Check
from mogplex_mcp.simulator import Automation


def runs_started(*repos: str) -> Check:
    """Check that runs were started on these repos, one each, and on no others. A directory follows its repo."""

    def check(outcome: Outcome) -> Iterator[str]:
        started = sorted(outcome.repo(run.repo_id) for run in outcome.runs)
        if started != sorted(repos):
            yield f"Runs were started on {_listed(started)}, not on {_listed(repos)}."

    return check


def run_has(**fields: Any) -> Check:
    """Check that fields of every started run have these values."""

    def check(outcome: Outcome) -> Iterator[str]:
        for run in outcome.runs:
            for name, value in fields.items():
                if getattr(run, name) != value:
                    yield f"{name} of the run is {getattr(run, name)!r}, not {value!r}."

    return check


def prompt_names(*words: str) -> Check:
    """Check that the agent was given these words in its prompt."""

    def check(outcome: Outcome) -> Iterator[str]:
        for sent in requests(outcome, "POST", "/runs"):
            prompt = str(sent.body.get("prompt", "")).casefold()
            yield from (f"The agent's prompt does not name {word!r}." for word in words if word not in prompt)

    return check


def runs_cancelled(*repos: str) -> Check:
    """Check that the runs on these repos are cancelled, and no others."""

    def check(outcome: Outcome) -> Iterator[str]:
        runs = outcome.simulator.world.runs.values()
        cancelled = sorted(outcome.repo(run.repo_id) for run in runs if run.ended == "cancelled")
        if cancelled != sorted(repos):
            yield f"Runs on {_listed(cancelled)} were cancelled, not on {_listed(repos)}."

    return check


def triggered(automation_id: str, *repos: str) -> Check:
    """Check that this automation was triggered on these repos, once each, and no other automation was."""

    def check(outcome: Outcome) -> Iterator[str]:
        found = sorted((run.automation_id, outcome.repo(run.repo_id)) for run in outcome.job_runs)
        if found != sorted((automation_id, repo) for repo in repos):
            yield f"Triggered were {_listed([' on '.join(one) for one in found])}."

    return check


def looked_at(pattern: str) -> Check:
    """Check that something was read from Mogplex: a path below the base path, `*` for any part."""

    def check(outcome: Outcome) -> Iterator[str]:
        if not requests(outcome, "GET", pattern):
            yield f"{pattern} was not read."

    return check


def tried(method: str, pattern: str, *, most: int) -> Check:
    """Check that a request was sent, and not more often than `most` times."""

    def check(outcome: Outcome) -> Iterator[str]:
        if not 1 <= len(requests(outcome, method, pattern)) <= most:
            yield f"{method} {pattern} was sent {len(requests(outcome, method, pattern))} times, not 1 to {most} times."

    return check


def only_read(outcome: Outcome) -> Iterator[str]:
    """Check that no request could change anything."""
    yield from (f"{sent.method} {sent.path} was sent." for sent in outcome.sent if not sent.only_reads)


def saw_end(outcome: Outcome) -> Iterator[str]:
    """Check that the runs were followed to their end: one request at least came after it."""
    ends = [(f"/runs/{run.id}*", run.created_at + run.seconds) for run in outcome.runs]
    ends += [
        (f"/automations/*/runs/{job.id}", job.started_at + job.seconds)
        for job in outcome.job_runs
        if job.started_at is not None and job.seconds is not None
    ]
    for path, at in ends:
        if not any(sent.at >= at for sent in requests(outcome, "GET", path)):
            yield f"The end of {path.strip('*')} was not seen."


def automation(automation_id: str, problems: Callable[[Automation], Iterable[str]]) -> Check:
    """Check an automation by a function that yields what is wrong with it."""

    def check(outcome: Outcome) -> Iterable[str]:
        return problems(outcome.simulator.world.automations[automation_id])

    return check


def user_was_asked(outcome: Outcome) -> Iterator[str]:
    """Check that the user was asked to confirm something, and only once."""
    if len(outcome.questions) != 1:
        yield f"The user was asked {len(outcome.questions)} times to confirm something."


def most_calls(count: int) -> Check:
    """Check that there were no more tool calls than this."""

    def check(outcome: Outcome) -> Iterator[str]:
        if len(outcome.calls) > count:
            yield f"There were {len(outcome.calls)} tool calls, more than {count}."

    return check


def says(*words: str | tuple[str, ...]) -> Check:
    """Check that the answer has these words, or one of several, in any case."""

    def check(outcome: Outcome) -> Iterator[str]:
        answer = _plain(outcome.answer)
        for word in words:
            options = (word,) if isinstance(word, str) else word
            if not any(option.casefold() in answer for option in options):
                yield f"The answer does not say {' or '.join(map(repr, options))}."

    return check


def never_says(*words: str) -> Check:
    """Check that the answer has none of these words, in any case."""

    def check(outcome: Outcome) -> Iterator[str]:
        answer = _plain(outcome.answer)
        yield from (f"The answer says {word!r}." for word in words if word.casefold() in answer)

    return check


def says_pull_request(outcome: Outcome) -> Iterator[str]:
    """Check that the answer has the link to the pull request of each started run."""
    for run in outcome.runs:
        link = f"https://github.com/{run.full_name}/pull/{run.number}"
        if link not in outcome.answer:
            yield f"The answer does not have the link {link}."


def requests(outcome: Outcome, method: str, pattern: str) -> list[Sent]:
    """Return the requests to a path; the method `*` stands for any."""
    return [sent for sent in outcome.sent if method in ("*", sent.method) and fnmatchcase(sent.path, pattern)]


def _plain(answer: str) -> str:
    """Return an answer in lower case and without the marks of Markdown around words."""
    return answer.casefold().replace("*", "").replace("`", "")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
