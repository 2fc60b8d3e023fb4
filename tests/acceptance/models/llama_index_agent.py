"""A scripted model for LlamaIndex."""

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from story import Call, next_step


class Scripted(MockFunctionCallingLLM):
    @property
    def metadata(self):
        return LLMMetadata(is_function_calling_model=True, is_chat_model=True)

    async def astream_chat_with_tools(self, tools, user_msg=None, chat_history=None, **more):
        answers = [message.content for message in chat_history if message.role == "tool"]
        step = next_step({tool.metadata.name for tool in tools}, answers)
        if isinstance(step, Call):
            call = ToolCallBlock(tool_name=step.tool, tool_kwargs=step.arguments, tool_call_id=f"call-{len(answers)}")
            message = ChatMessage(role="assistant", blocks=[call])
        else:
            message = ChatMessage(role="assistant", content=step)

        async def stream():
            yield ChatResponse(message=message, delta=message.content or "")

        return stream()


MODEL = Scripted()
