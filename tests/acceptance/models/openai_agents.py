"""A scripted model for the OpenAI Agents SDK."""

import json

from agents import ModelResponse, Usage, set_tracing_disabled
from agents.models.interface import Model
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from story import Call, next_step

set_tracing_disabled(True)


class Scripted(Model):
    async def get_response(self, system_instructions, input, model_settings, tools, *rest, **more):  # noqa: A002
        answers = [
            str(item["output"])
            for item in input
            if isinstance(item, dict) and item.get("type") == "function_call_output"
        ]
        step = next_step({tool.name for tool in tools}, answers)
        if isinstance(step, Call):
            output = ResponseFunctionToolCall(
                type="function_call",
                call_id=f"call-{len(answers)}",
                name=step.tool,
                arguments=json.dumps(step.arguments),
            )
        else:
            text = ResponseOutputText(type="output_text", text=step, annotations=[])
            output = ResponseOutputMessage(
                id="message", type="message", role="assistant", status="completed", content=[text]
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *arguments, **more):
        raise NotImplementedError


MODEL = Scripted()
