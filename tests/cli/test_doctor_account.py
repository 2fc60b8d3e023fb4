"""What `doctor` advises about the token in use."""

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken, SourceKind
from mogplex_mcp.diagnosis.account import check_token
from mogplex_mcp.diagnosis.finding import Status, Subject
from mogplex_mcp.tenants.services import Services

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "advised"),
    [
        (SourceKind.ENVIRONMENT, "copy it again from https://mogplex.com/settings/api-keys and set MOGPLEX_API_KEY"),
        (SourceKind.FILE, "and write it to the file of --api-key-file"),
        (SourceKind.MOGPLEX_CLI, "run `mogplex-mcp login`, or copy it again"),
    ],
)
async def test_a_malformed_token_is_replaced_where_it_is(kind: SourceKind, advised: str) -> None:
    problem = MogplexError(ErrorCode.MALFORMED_TOKEN, "9 characters were given.")
    found = FoundToken(None, "its source", problem, kind=kind)
    (finding,) = await check_token(Subject(Settings(), Services(Settings()), found))
    assert finding.status is Status.FAILED
    assert advised in finding.advice
