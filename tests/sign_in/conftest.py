import sys
from types import ModuleType

import pytest

from tests.sign_in.support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs the tests may have a real keyring."""

    class NoKeyringError(Exception):
        pass

    def refuse(*_: object) -> None:
        raise NoKeyringError

    module = ModuleType("keyring")
    module.get_password = module.set_password = module.delete_password = refuse  # type: ignore[attr-defined] # a stand-in
    monkeypatch.setitem(sys.modules, "keyring", module)
