"""Variables that name certificates: what is wrong with them is said, and never ignored in silence."""

import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mogplex_mcp.api import transport
from mogplex_mcp.api.certificates import find_certificate_problem
from mogplex_mcp.api.errors import ErrorCode

from .sockets import Connect, TlsServer, failure

OTHERS = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]


def pem(folder: Path) -> Path:
    return TlsServer(folder).certificate


def missing(folder: Path) -> Path:
    return folder / "missing.pem"


def der(folder: Path) -> Path:
    text = pem(folder).read_text()
    file = folder / "server.der"
    file.write_bytes(ssl.PEM_cert_to_DER_cert(text[: text.index("-----BEGIN PRIVATE")]))
    return file


def garbage(folder: Path) -> Path:
    file = folder / "garbage.pem"
    file.write_bytes(b"\xff\x00garbage")
    return file


def empty(folder: Path) -> Path:
    file = folder / "empty.pem"
    file.touch()
    return file


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (missing, "does not exist"),
        (Path, "is a folder, not a file"),
        (der, "is in DER form, not in PEM form"),
        (garbage, "holds no certificate that can be read"),
        (empty, "holds no certificate that can be read"),
    ],
)
def test_unusable_ssl_cert_file_is_named_with_the_reason(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    file = make(tmp_path)
    problem = find_certificate_problem({"SSL_CERT_FILE": str(file), "REQUESTS_CA_BUNDLE": "/x"}, "linux")
    assert problem == f'SSL_CERT_FILE is "{file}", which {reason}: set it to a file of certificates in PEM form.'


def test_unreadable_ssl_cert_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", refuse)
    problem = find_certificate_problem({"SSL_CERT_FILE": str(tmp_path / "file")}, "linux")
    assert "cannot be read (PermissionError)" in problem


@pytest.mark.parametrize("make", [missing, pem, Path, garbage])
def test_ssl_cert_dir_without_hashed_names_is_named(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    folder = make(tmp_path)
    problem = find_certificate_problem({"SSL_CERT_DIR": str(folder)}, "linux")
    assert problem.startswith(f'SSL_CERT_DIR is "{folder}", which is not a folder with certificates')
    assert "openssl rehash" in problem


def test_both_variables_are_named_if_both_are_unusable(tmp_path: Path) -> None:
    names = {"SSL_CERT_FILE": str(tmp_path), "SSL_CERT_DIR": str(missing(tmp_path))}
    problem = find_certificate_problem(names, "linux")
    assert "SSL_CERT_FILE is" in problem
    assert "SSL_CERT_DIR is" in problem


@pytest.mark.parametrize("name", OTHERS)
def test_variable_of_another_program_is_named_if_it_is_the_only_one(tmp_path: Path, name: str) -> None:
    problem = find_certificate_problem({name: "/etc/company.pem"}, "linux")
    assert problem.startswith(f"{name} is set, which mogplex-mcp does not read")
    assert 'set SSL_CERT_FILE to "/etc/company.pem"' in problem
    assert not find_certificate_problem({name: "/etc/company.pem", "SSL_CERT_FILE": str(pem(tmp_path))}, "linux")


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", *OTHERS])
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_variables_are_not_read_where_the_system_decides(name: str, platform: str) -> None:
    problem = find_certificate_problem({name: "/etc/company.pem"}, platform)
    assert problem.startswith(f"{name} is not read on this system")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_nothing_is_said_without_a_problem(tmp_path: Path, platform: str) -> None:
    assert not find_certificate_problem({"SSL_CERT_FILE": ""}, platform)
    (tmp_path / "0a1b2c3d.0").touch()
    file = pem(tmp_path)
    if platform == "linux":
        names = {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": f"/missing:{tmp_path}", "CURL_CA_BUNDLE": "/x"}
        assert not find_certificate_problem(names, platform)


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="trust is not in a file there")
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("make", [missing, Path, der, garbage])
async def test_error_of_a_certificate_says_what_is_wrong_with_the_variable(
    *, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], Path]
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv(name, str(make(tmp_path)))
    transport._tls_context.cache_clear()
    try:
        async with TlsServer(tmp_path).serving() as base_url:
            error = await failure(connect(base_url))
    finally:
        transport._tls_context.cache_clear()
    assert error.code is ErrorCode.TLS_FAILED
    assert "The certificate of localhost was not accepted" in error.message
    assert f"{name} is " in error.message
