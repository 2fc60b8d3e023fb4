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
    module = ModuleType("keyring")
    module.get_password = lambda _service, _user: None  # type: ignore[attr-defined] # a stand-in
    module.set_password = module.delete_password = lambda *_: None  # type: ignore[attr-defined] # the same
    monkeypatch.setitem(sys.modules, "keyring", module)
