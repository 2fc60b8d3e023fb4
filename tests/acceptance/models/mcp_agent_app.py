"""A scripted model for mcp-agent, in which each maker's model calls the tools in a loop of its own."""

from mcp.types import CallToolRequest, CallToolRequestParams
from mcp_agent.workflows.llm.augmented_llm import AugmentedLLM
from story import Call, next_step

PREFIX = "mogplex_"  # the agent puts the server's name before that of a tool


class Scripted(AugmentedLLM):
    async def generate_str(self, message, request_params=None):
        offered = {tool.name.removeprefix(PREFIX) for tool in (await self.agent.list_tools()).tools}
        answers = []
        while isinstance(step := next_step(offered, answers), Call):
            params = CallToolRequestParams(name=PREFIX + step.tool, arguments=step.arguments)
            result = await self.call_tool(CallToolRequest(params=params), tool_call_id=f"call-{len(answers)}")
            answers.append("\n".join(block.text for block in result.content if block.type == "text"))
        return step

    async def generate(self, message, request_params=None):
        raise NotImplementedError

    async def generate_structured(self, message, response_model, request_params=None):
        raise NotImplementedError


MODEL = Scripted
