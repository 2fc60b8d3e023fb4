"""The build of a wheel: it gets the responses of its own server to the first requests of clients.

They are made from the code that is packed. An editable install has none, since that code goes on changing.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # only where a wheel is built


class BuiltAnswers(BuildHookInterface[Any]):
    """Adds the files to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files, and have them packed.

        Args:
            version: "standard", or "editable".
            build_data: What is packed in addition, by its place on this machine.
        """
        if version == "editable":
            return
        sys.path[:0] = [self.root, str(Path(self.root, "server"))]
        from distribution.built_answers import write  # noqa: PLC0415 - found since the line above

        self._folder = tempfile.TemporaryDirectory()
        write(Path(self._folder.name))
        build_data["force_include"][self._folder.name] = "mogplex_mcp/startup/built"

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Remove the files, which are packed by now."""
        if folder := getattr(self, "_folder", None):
            folder.cleanup()
