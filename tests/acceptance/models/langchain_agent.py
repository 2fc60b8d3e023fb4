"""A scripted model for LangChain."""

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from story import Call, next_step


class Scripted(BaseChatModel):
    offered: tuple[str, ...] = ()

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **more):
        return Scripted(offered=tuple(tool.name for tool in tools))

    def _generate(self, messages, stop=None, run_manager=None, **more):
        answers = [message.text for message in messages if isinstance(message, ToolMessage)]
        step = next_step(self.offered, answers)
        if isinstance(step, Call):
            call = {"name": step.tool, "args": step.arguments, "id": f"call-{len(answers)}"}
            message = AIMessage("", tool_calls=[call])
        else:
            message = AIMessage(step)
        return ChatResult(generations=[ChatGeneration(message=message)])


MODEL = Scripted()
