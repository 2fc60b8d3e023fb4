"""The build of a source distribution: it gets the responses of its own server to the first requests of clients.

Wheels are built from it, and so have them, too, without building them anew. A checkout and what is installed from one
have none: their code goes on changing.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # only where a package is built


class BuiltAnswers(BuildHookInterface[Any]):
    """Adds the files to a source distribution."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Make the files, and have them packed."""
        sys.path[:0] = [self.root, str(Path(self.root, "server"))]
        from distribution.built_answers import write  # noqa: PLC0415 - found since the line above

        self._folder = tempfile.TemporaryDirectory()
        write(Path(self._folder.name))
        build_data["force_include"][self._folder.name] = "server/mogplex_mcp/startup/built"

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Remove the files, which are packed by now."""
        self._folder.cleanup()
