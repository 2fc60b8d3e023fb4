"""Which store there is, and what an operator reads of an address that is none."""

import sys

import pytest

from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.store import SqliteStore
from mogplex_mcp.tenants.opening import check_store, open_store


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("postgresql://mogplex:Nightin@gale/5@db/mogplex", "have to be percent-encoded"),
        ("postgresql://mogplex:Nightin@gale@db/mogplex", "have to be percent-encoded"),
        ("postgresql://mogplex:hunter2@db:54x/mogplex", "have to be percent-encoded"),
        ("postgresql://mogplex:hunter2@db/mogplex?password=hunter2&nonsense=1", "not the address of a PostgreSQL"),
        ("postgresql://mogplex:hunter2@[db/mogplex", "not the address of a PostgreSQL"),
    ],
)
def test_address_that_is_none_is_refused_before_anything_is_served(address: str, advice: str) -> None:
    with pytest.raises(SettingsError) as refused:
        check_store(Settings(database_url=Secret(address)))
    message = str(refused.value)
    assert advice in message
    assert message.endswith("write it as postgresql://user@host/database")
    assert "\n" not in message
    assert not [part for part in ("hunter2", "Nightin", "gale") if part in message]


@pytest.mark.parametrize("address", ["mysql://mogplex:hunter2@db/mogplex", "hunter2", "host=db password=hunter2"])
def test_address_of_another_kind_is_refused_by_the_setting(address: str) -> None:
    with pytest.raises(SettingsError, match="as postgresql://user@host/database") as refused:
        Settings.load({}, {"database_url": address})
    assert "hunter2" not in str(refused.value)


def test_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mogplex_mcp.storage.postgres.store", None)
    with pytest.raises(SettingsError, match=r"uv tool install 'mogplex-mcp\[postgres\]'"):
        check_store(Settings(database_url=Secret("postgresql://db/mogplex")))


def test_without_a_database_the_store_is_a_file_and_needs_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mogplex_mcp.storage.postgres.store", None)
    check_store(Settings())
    assert isinstance(open_store(Settings(), lambda: 0.0), SqliteStore)
