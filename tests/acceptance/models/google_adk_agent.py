"""A scripted model for Google's Agent Development Kit."""

from google.adk.models import BaseLlm, LlmResponse
from google.genai import types
from story import Call, next_step


class Scripted(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        parts = [part for content in llm_request.contents for part in content.parts or []]
        answers = [str(part.function_response.response) for part in parts if part.function_response]
        step = next_step(llm_request.tools_dict, answers)
        part = (
            types.Part(function_call=types.FunctionCall(name=step.tool, args=step.arguments))
            if isinstance(step, Call)
            else types.Part(text=step)
        )
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


MODEL = Scripted(model="scripted")
