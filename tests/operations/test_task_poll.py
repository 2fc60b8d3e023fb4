"""What a poll of a task notes for the next one."""

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.operations.task_poll import TaskPoll, noting_faults


def test_the_next_poll_is_suggested_within_minutes_whatever_retry_after_says() -> None:
    poll = TaskPoll()
    with pytest.raises(MogplexError), noting_faults(poll, {"run_id": "x"}, most_seconds=3_600):
        raise MogplexError(ErrorCode.SERVICE_UNAVAILABLE, "Down for maintenance", retry_after=86_400)
    assert poll.pending is not None
    assert poll.pending.next_seconds == 300
    assert poll.pending.message == "Mogplex cannot be asked at the moment, trying again"
