"""Runs one example in its own environment: `drive.py NAME stdio` or `drive.py NAME URL`.

The last line that it prints is what the example answered. One that has a model gets the scripted one of the same name.
"""

import asyncio
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(name: str, place: str) -> None:
    sys.path.append(str(HERE.parent.parent / "examples"))
    example = importlib.import_module(name)
    mogplex = example.over_stdio() if place == "stdio" else example.over_http(place)
    if hasattr(example, "delegate"):
        answer = example.delegate(mogplex, "acme/web", "Fix the flaky test.")
    else:
        # In the place of the example, whose name it has.
        sys.path.insert(0, str(HERE / "models"))
        del sys.modules[name]
        answer = example.ask(mogplex, "Fix the flaky test in acme/web.", importlib.import_module(name).MODEL)
    print(asyncio.run(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
