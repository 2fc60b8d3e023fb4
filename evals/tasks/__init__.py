"""All tasks, by area."""

from collections.abc import Mapping
from typing import Final

from evals.task import Task
from evals.tasks import account, automations, editing, following, repos, sandboxes, starting, stopping, trust

AREAS: Final[Mapping[str, tuple[Task, ...]]] = {
    "Repositories": repos.TASKS,
    "Starting runs": starting.TASKS,
    "Following runs": following.TASKS,
    "Stopping runs": stopping.TASKS,
    "Sandboxes": sandboxes.TASKS,
    "Automations": automations.TASKS,
    "Editing automations": editing.TASKS,
    "Account": account.TASKS,
    "Text of others": trust.TASKS,
}
TASKS: Final[Mapping[str, Task]] = {task.name: task for tasks in AREAS.values() for task in tasks}
