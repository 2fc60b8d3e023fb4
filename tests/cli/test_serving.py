import json
import subprocess
import sys

PROGRAM = """
import json
from pydantic import BaseModel
from mogplex_mcp.cli.serving import defer_model_building

defer_model_building()
import mcp_types
import mogplex_mcp.server.app

def below(model):
    for one in model.__subclasses__():
        yield one
        yield from below(one)

models = set(below(BaseModel))
built = [one for one in models if one.__pydantic_complete__]
unbuilt = mcp_types.ElicitRequestURLParams
assert not unbuilt.__pydantic_complete__
read = unbuilt.model_validate({"message": "a", "url": "https://b.test", "elicitationId": "c"})
print(json.dumps([len(models), len(built), read.message]))
"""


def test_defer_model_building_builds_models_at_first_use() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True)
    models, built, read = json.loads(ended.stdout)
    assert models > 400
    assert built < models / 4
    assert read == "a"
