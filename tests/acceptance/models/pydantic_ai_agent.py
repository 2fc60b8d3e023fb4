"""A scripted model for Pydantic AI."""

from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from story import Call, next_step


def answer(messages, info):
    parts = [part for message in messages for part in message.parts]
    answers = [part.model_response_str() for part in parts if isinstance(part, ToolReturnPart)]
    step = next_step({tool.name for tool in info.function_tools}, answers)
    part = ToolCallPart(step.tool, step.arguments) if isinstance(step, Call) else TextPart(step)
    return ModelResponse(parts=[part])


MODEL = FunctionModel(answer)
