"""The server that the examples start over stdio: that of this checkout, else an installed one (see `launch.mjs`).

A framework may need an environment without the server, whose `mogplex-mcp` is then found here all the same.
"""

import os
import shutil
from pathlib import Path

_PROGRAMS = Path(__file__).parent.parent / ".venv" / ("Scripts" if os.name == "nt" else "bin")

COMMAND = shutil.which("mogplex-mcp", path=_PROGRAMS) or "mogplex-mcp"
# Clients pass on few variables. Without MOGPLEX_API_KEY, the token that `mogplex-mcp login` stored is used.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith("MOGPLEX_")}
