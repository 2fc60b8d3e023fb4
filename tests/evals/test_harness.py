"""The harness gives a model what hosts give it, and stops one that does not come to an end."""

from evals.conversation import Conversation, ModelError, ToolCall, ToolResult, Turn, Usage
from evals.harness import Limits, attempt
from evals.tasks import TASKS

TASK = TASKS["start_and_leave"]


class Replies:
    """A model with prepared turns, which keeps what it read."""

    def __init__(self, *turns: Turn) -> None:
        self._turns = list(turns)
        self.read: list[Conversation] = []

    def reply(self, conversation: Conversation) -> Turn:
        self.read.append(Conversation(conversation.system, conversation.tools, list(conversation.messages)))
        return self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]


class Broken:
    def reply(self, conversation: Conversation) -> Turn:
        raise ModelError("status 401: no such key")


def results(model: Replies) -> tuple[ToolResult, ...]:
    last = model.read[-1].messages[-1]
    assert isinstance(last, tuple)
    return last


def test_attempt_gives_the_model_instructions_tools_and_prompt() -> None:
    model = Replies(Turn("Done."))
    attempt(TASK, model)
    (conversation,) = model.read
    assert "To delegate a task: start_run" in conversation.system
    assert {"start_run", "tail_run", "list_repos"} <= {tool["name"] for tool in conversation.definitions()}
    assert all(tool["input_schema"]["type"] == "object" for tool in conversation.definitions())
    assert conversation.messages == [TASK.prompt]


def test_attempt_returns_the_results_of_all_calls_of_a_turn_in_their_order() -> None:
    first = ToolCall("list_repos", {"query": "mobile"}, "a")
    second = ToolCall("list_repos", {"query": "docs"}, "b")
    model = Replies(Turn("", (first, second)), Turn("Done."))
    made = attempt(TASK, model)
    assert made.calls == ("list_repos", "list_repos")
    assert [(one.call_id, one.is_error) for one in results(model)] == [("a", False), ("b", False)]
    assert ["acme/mobile" in one.text for one in results(model)] == [True, False]


def test_attempt_returns_the_error_of_a_tool_that_does_not_exist() -> None:
    model = Replies(Turn("", (ToolCall("start_runs", {}, "a"),)), Turn("Done."))
    attempt(TASK, model)
    (result,) = results(model)
    assert result.is_error
    assert "start_run" in result.text


def test_attempt_calls_nothing_with_arguments_that_are_no_object() -> None:
    model = Replies(Turn("", (ToolCall("start_run", None, "a"),)), Turn("Done."))
    made = attempt(TASK, model)
    (result,) = results(model)
    assert result.is_error
    assert "Runs were started on none, not on acme/web." in made.problems


def test_attempt_stops_at_the_limit_of_turns() -> None:
    made = attempt(TASK, Replies(Turn("", (ToolCall("list_repos", {}, "a"),))), Limits(turns=3))
    assert made.turns == len(made.calls) == 3
    assert made.problems == ("No answer within 3 turns and " + f"{made.tokens_read + made.tokens_written} tokens.",)


def test_attempt_stops_at_the_limit_of_tokens() -> None:
    endless = Turn("", (ToolCall("list_repos", {}, "a"),), Usage(900, 100))
    made = attempt(TASK, Replies(endless), Limits(tokens=2_500))
    assert (made.turns, made.tokens_read, made.tokens_written) == (3, 2_700, 300)
    assert not made.passed


def test_attempt_sums_the_tokens_that_the_endpoint_reports() -> None:
    turns = (Turn("", (ToolCall("list_repos", {}, "a"),), Usage(900, 20)), Turn("Done.", (), Usage(1_000, 5)))
    made = attempt(TASK, Replies(*turns))
    assert (made.tokens_read, made.tokens_written, made.estimated) == (1_900, 25, False)


def test_attempt_counts_characters_where_the_endpoint_reports_no_tokens() -> None:
    model = Replies(Turn("x" * 400))
    made = attempt(TASK, model)
    assert made.estimated
    assert 100 <= made.tokens_written <= 102
    assert made.tokens_read > len(model.read[0].system) // 4


def test_attempt_reports_a_model_that_fails() -> None:
    made = attempt(TASK, Broken())
    assert made.problems == ("The model failed: status 401: no such key",)


def test_attempt_does_not_count_calls_before_the_prompt() -> None:
    model = Replies(Turn("Done."))
    made = attempt(TASKS["cancel_the_right_run"], model)
    assert made.calls == ()
    assert made.turns == 1
