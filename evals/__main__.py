"""Let a model try the tasks, and print what came of it.

    python -m evals --model NAME --base-url URL [--provider openai|anthropic]
    python -m evals --scripted --write            the table in docs/evals.md

Exit codes: 0 all attempts passed, 1 some did not, 2 usage error.
"""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from evals import table
from evals.conversation import Model
from evals.harness import Attempt, Limits, attempt
from evals.providers import PROVIDERS
from evals.scripted import ScriptedModel
from evals.task import Task
from evals.tasks import TASKS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.scripted == bool(options.model):
        parser.error("give either --model or --scripted")
    if options.write and (not options.scripted or options.task):
        parser.error("--write needs --scripted, and all tasks")
    tasks = [TASKS[name] for name in options.task] or list(TASKS.values())
    limits = Limits(options.max_turns, options.max_tokens)
    attempts: list[Attempt] = []
    with suppress(KeyboardInterrupt):  # what was tried so far has cost money, and is shown
        attempts.extend(_attempts(tasks, _models(options), options.repeat, limits))
    if options.json:
        shown = [dataclasses.asdict(one) | {"passed": one.passed} for one in attempts]
        _print(json.dumps({"model": options.model, "attempts": shown}, indent=2, ensure_ascii=False))
    elif attempts:
        _print("\n".join(table.lines(attempts)))
    passed = all(one.passed for one in attempts) and len(attempts) == len(tasks) * options.repeat
    if options.write and passed:
        table.PAGE.write_text(table.page({one.task: one for one in attempts}), encoding="utf-8")
    return 0 if passed else 1


def _attempts(tasks: Sequence[Task], models: Callable[[Task], Model], repeat: int, limits: Limits) -> Iterator[Attempt]:
    for task in tasks:
        for _ in range(repeat):
            print(f"{task.name} …", file=sys.stderr, flush=True)  # noqa: T201 - progress of a command
            yield attempt(task, models(task), limits)


def _models(options: argparse.Namespace) -> Callable[[Task], Model]:
    if options.scripted:
        return lambda task: ScriptedModel(task.right())
    make, usual_url, usual_variable = PROVIDERS[options.provider]
    key = os.environ.get(options.key_variable or usual_variable, "")
    model = make(options.model, options.base_url or usual_url, key)
    return lambda _: model


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m evals", description="Let a model try the tasks.")
    parser.add_argument("--model", help="name of the model at the endpoint")
    parser.add_argument("--base-url", metavar="URL", help="of the endpoint; by default the provider's own")
    parser.add_argument("--provider", choices=list(PROVIDERS), default="openai", help="format of the requests")
    parser.add_argument(
        "--key-variable",
        metavar="NAME",
        help="environment variable of the API key; by default OPENAI_API_KEY or ANTHROPIC_API_KEY",
    )
    parser.add_argument("--task", action="append", default=[], choices=list(TASKS), metavar="NAME", help="repeatable")
    parser.add_argument("--repeat", type=_positive, default=1, metavar="N", help="attempts at each task")
    parser.add_argument("--max-turns", type=_positive, default=Limits.turns, metavar="N", help="of an attempt")
    parser.add_argument("--max-tokens", type=_positive, default=Limits.tokens, metavar="N", help="of an attempt")
    parser.add_argument("--json", action="store_true", help="print all attempts as JSON")
    parser.add_argument("--scripted", action="store_true", help="follow the scripts of the tasks instead of a model")
    parser.add_argument("--write", action="store_true", help="with --scripted: update the table in docs/evals.md")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _print(text: str) -> None:
    print(text)  # noqa: T201 - the output of a command


if __name__ == "__main__":
    sys.exit(main())
