import json
import subprocess
import sys

PROGRAM = """
import json
from pydantic import BaseModel
import mogplex_mcp.server.app
from mogplex_mcp.api.models import Repo

def below(model):
    for one in model.__subclasses__():
        yield one
        yield from below(one)

models = {one for one in below(BaseModel) if one.__module__.startswith("mogplex_mcp.")}
built = [one for one in models if one.__pydantic_complete__]
assert not Repo.__pydantic_complete__
read = Repo.model_validate({"id": "a"})
print(json.dumps([len(models), len(built), read.id, dict(BaseModel.model_config)]))
"""


def test_serve_builds_few_models_of_its_own_at_start_and_the_others_at_first_use() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True)
    models, built, read, configuration_of_all = json.loads(ended.stdout)
    assert models > 50
    assert built < models / 4
    assert read == "a"
    assert configuration_of_all == {}
