"""What may be secret in a text is replaced; all else stays as it is."""

from __future__ import annotations

import pytest

from chem_vae.errors import UserError
from pipeline.workspace.remote.redaction import expand_variables, has_secret, redact, redact_data, redact_error


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@host/a.csv", "https://***@host/a.csv"),
        ("https://secret@host/a.csv", "https://***@host/a.csv"),
        ("https://me:se@cr/et@host/a.csv", "https://***@host/a.csv"),
        ("ftp://me:secret@host", "ftp://***@host"),
        ("sftp://me:secret@host/a", "sftp://***@host/a"),
        ("abfs://container:secret@account/a", "abfs://***@account/a"),
        ("postgresql+asyncpg://prefect:secret@db:5432/prefect", "postgresql+asyncpg://***@db:5432/prefect"),
        ("https://h/a?X-Amz-Signature=secret&X-Amz-Date=secret", "https://h/a?X-Amz-Signature=***&X-Amz-Date=***"),
        ("https://h/a?sig=secret%3D&se=secret&format=csv", "https://h/a?sig=***&se=***&format=csv"),
        ("https://h/a?rlkey=secret&dl=1", "https://h/a?rlkey=***&dl=1"),
        ("https://h/a#access_token=secret", "https://h/a#access_token=***"),
        ("https://h/a?format=csv#access_token=secret&x=secret", "https://h/a?format=csv#access_token=***&x=***"),
        ("https://h/a?secretsecret", "https://h/a?***"),
        ("exceeded with url: /a.csv?token=secret (Caused by X)", "exceeded with url: /a.csv?token=*** (Caused by X)"),
        ("404 for url 'https://me:secret@h/a?sig=secret'.", "404 for url 'https://***@h/a?sig=***'."),
        ("{'Authorization': 'Bearer secret.secret'}", "{'Authorization': '***'}"),
    ],
)
def test_what_is_secret(text: str, shown: str) -> None:
    assert redact(text) == shown and redact(shown) == shown and has_secret(text) and not has_secret(shown)


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8080/a@b.csv",
        "https://example.org/@user/molecules.csv",
        "https://me:${PASSWORD}@host/a.csv?token=${TOKEN}",
        "C/C=C/[C@H](O)C#N |&1:3| what? a=1; mw=300:400",
        "N#CC1=C(N)Oc2ccccc2C1",
        "must not contain N#CC=C",
        "CC(C#CC=O)=C",
        "cannot read my.csv: column a=b?",
        "https://example.org/a.csv?format=csv&raw=1",
        "abfs://container@account.dfs.core.windows.net/night/*.csv",
        "sftp://me@host/a.csv",
        "s3://bucket/night-????????.csv",
        "s3://bucket/a?????????/b.csv and s3://bucket/c.csv?versionId=abc",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert redact(text) == text


def test_a_key_of_prefect_is_a_secret_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_abcdef")
    assert redact("401 with pnu_abcdef") == "401 with ***"


def test_a_key_of_a_storage_is_a_secret_unless_it_is_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY")
    assert redact("signed with wJalrXUtnFEMI/K7MDENG/bPxRfiCY.") == "signed with ***."
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    assert redact("testing a molecule") == "testing a molecule"


def test_data_and_errors_are_redacted_as_a_whole() -> None:
    data = {"a": ["https://me:secret@h", 1, None], "b": {"c": "https://h/a?sig=secret"}}
    assert redact_data(data) == {"a": ["https://***@h", 1, None], "b": {"c": "https://h/a?sig=***"}}
    first, second = ValueError(OSError("https://me:secret@h")), KeyError("https://h/a?sig=secret")
    second.__cause__ = first
    redact_error(second)
    assert repr(second) == "KeyError('https://h/a?sig=***')" and repr(first.args[0]) == "OSError('https://***@h')"


def test_variables_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "x")
    assert expand_variables("https://me:${PASSWORD}@h") == "https://me:x@h"
    with pytest.raises(UserError, match="NOT_THERE, which is not set"):
        expand_variables("https://me:${NOT_THERE}@h")
    with pytest.raises(UserError, match="written without its secret parts"):
        expand_variables("https://***@h")
