from pathlib import Path

import pytest
from distribution.built_answers import write


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with built responses."""
    folder = tmp_path_factory.mktemp("built")
    write(folder)
    return folder
