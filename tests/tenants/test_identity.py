"""To whom belongs what a client keeps for longer, such as a task."""

from dataclasses import replace
from pathlib import Path

import pytest

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.grant import Grant
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.tenants.services import Services

DATABASE = Secret("postgresql://db/mogplex")


def signed_in(token: str, client_id: str = "one") -> FoundToken:
    grant = Grant(Token.parse(token), client_id=client_id)
    return FoundToken(grant.access_token, "a test", personal=True, grant=grant)


@pytest.mark.parametrize("database", [Secret(""), DATABASE])
def test_refreshed_token_is_the_same_owner(database: Secret, tmp_path: Path) -> None:
    services = Services(Settings(database_url=database, state_file=tmp_path / "state.sqlite3"))
    assert services.identity(signed_in("first" * 5)) == services.identity(signed_in("other" * 5))


def test_owners_who_share_a_database_are_told_apart() -> None:
    services = Services(Settings(database_url=DATABASE))
    person = signed_in("first" * 5)
    assert services.identity(person) != services.identity(signed_in("first" * 5, client_id="two"))
    assert services.identity(person) != services.identity(replace(person, grant=None))
