"""A scripted model for fast-agent."""

from fast_agent import LlmStopReason, Prompt
from fast_agent.llm.internal.passthrough import PassthroughLLM
from fast_agent.llm.model_factory import ModelFactory
from fast_agent.mcp.helpers.content_helpers import tool_result_text_for_llm
from mcp_types import CallToolRequest, CallToolRequestParams
from story import Call, next_step


class Scripted(PassthroughLLM):
    async def _apply_prompt_provider_specific(self, messages, request_params=None, tools=None, is_template=False):
        results = [result for message in messages for result in (message.tool_results or {}).values()]
        answers = [tool_result_text_for_llm(result) for result in results]
        step = next_step({tool.name for tool in tools}, answers)
        if isinstance(step, Call):
            call = CallToolRequestParams(name=step.tool, arguments=step.arguments)
            calls = {f"call-{len(answers)}": CallToolRequest(params=call)}
            return Prompt.assistant("", tool_calls=calls, stop_reason=LlmStopReason.TOOL_USE)
        return Prompt.assistant(step)


MODEL = "fast-agent.scripted"
ModelFactory.MODEL_SPECIFIC_CLASSES["scripted"] = Scripted
