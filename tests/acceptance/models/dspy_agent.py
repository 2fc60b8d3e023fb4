"""A scripted model for DSPy, whose agent has its model write fields of text, and shows it the calls so far as text."""

import json
import re

import dspy
from dspy.lm15 import Message, Response, Usage
from story import Call, next_step

OFFERED = re.compile(r"^ *\(\d+\) (\w+), whose ", re.MULTILINE)
OBSERVATION = re.compile(r"^\[\[ ## observation_\d+ ## \]\]\n(.*?)(?=^\[\[ ## |\Z)", re.MULTILINE | re.DOTALL)
FINISH = Call("finish")


class Scripted:
    def complete(self, request):
        raise NotImplementedError


class AsyncScripted:
    async def complete(self, request):
        answers = OBSERVATION.findall(request.messages[-1].text)
        offered = OFFERED.findall(request.system)
        if offered:
            step = next_step(offered, answers)
            call = step if isinstance(step, Call) else FINISH
            fields = {"next_thought": "", "next_tool_name": call.tool, "next_tool_args": json.dumps(call.arguments)}
        else:
            # The last request asks for the result of all calls; that of `finish` is none of the story.
            fields = {"reasoning": "", "answer": next_step(offered, answers[:-1])}
        text = "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items())
        return Response(None, "scripted", Message.assistant(text), "stop", Usage())


MODEL = dspy.LM("scripted", cache=False, engine=Scripted(), async_engine=AsyncScripted())
