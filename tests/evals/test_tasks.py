"""Each task can be done, and its checks refuse what is not it."""

from functools import cache
from pathlib import Path

import pytest
from evals.harness import Attempt, attempt
from evals.scripted import ScriptedModel, answer
from evals.table import PAGE, page
from evals.task import Task
from evals.tasks import AREAS, TASKS


@cache
def made_right(name: str) -> Attempt:
    """What comes of the right calls for a task."""
    return attempt(TASKS[name], ScriptedModel(TASKS[name].right()))


EACH = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


@EACH
def test_task_passes_with_the_right_calls(task: Task) -> None:
    assert made_right(task.name).problems == ()


@EACH
def test_task_fails_with_the_mistake_it_is_about(task: Task) -> None:
    made = attempt(task, ScriptedModel(task.wrong()))
    assert made.calls
    assert made.problems


@EACH
def test_task_fails_for_a_model_that_does_nothing(task: Task) -> None:
    assert attempt(task, ScriptedModel(answer("Done."))).problems


@EACH
def test_task_fails_for_the_right_words_alone(task: Task) -> None:
    words = made_right(task.name).answer
    assert words
    assert attempt(task, ScriptedModel(answer(words))).problems


def test_the_tasks_have_names_of_their_own() -> None:
    assert len(TASKS) == sum(map(len, AREAS.values())) == 31


def test_page_shows_what_the_scripts_cost_now() -> None:
    attempts = {name: made_right(name) for name in TASKS}
    assert Path(__file__).parents[2] / "docs" / "evals.md" == PAGE
    assert PAGE.read_text(encoding="utf-8") == page(attempts), (
        "run PYTHONPATH=server python -m evals --scripted --write"
    )
