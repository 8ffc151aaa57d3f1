"""Replaces secrets in texts that are shown or written: credentials and signed queries of addresses, keys of services."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from chem_vae.errors import UserError

HIDDEN = "***"
_HARMLESS = {
    "download", "dl", "raw", "format", "type", "version", "page", "limit", "offset", "sheet", "encoding",
    "mode", "cache", "timeout", "versionid",
}  # fmt: skip
"""Parameters of a query whose values are kept; the names under which a value is secret are without number."""
_SECRET_VARIABLES = {
    **dict.fromkeys(("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"), 4),
    **dict.fromkeys(("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY"), 16),
    **dict.fromkeys(("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_CLIENT_SECRET"), 16),
}
"""Variables whose value is secret, with the characters from which on it is no word of other texts ("testing")."""
_STORAGES = re.compile(r"^(abfss?|az|adl|gs|gcs|s3a?|hdfs|memory|file|ssh|sftp)://$", re.IGNORECASE)
"""Schemes whose user alone is a name (of a container, or of a person), and whose `?` is part of a pattern."""
_USER = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)"
    # A password may hold an @ or a slash that was not escaped; digits up to a slash are a port.
    r"(?P<user>[^\s/?#:'\"<>@]+:(?!\d+[/?#])[^\s?#'\"<>]*|[^\s/?#'\"<>]*)@"
)
_FLAG = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)([^\s?#'\"<>]*\?)[^\s=&#'\"<>]{6,}(?=[\s#'\"<>]|$)")
_PARAMETERS = r"(?P<query>[\w.~%+$\[\]-]+=[^\s'\"<>`|\\]*)"
_QUERY = re.compile(rf"(?<=[\w/.~%*)\]-])(?P<mark>\?){_PARAMETERS}")
_FRAGMENT = re.compile(rf"(?P<mark>://[^\s'\"<>`|\\#]*#){_PARAMETERS}")
"""Of an address alone: in a SMILES `#` is a bond."""
_HEADER = re.compile(
    r"(?P<name>\b(?:authorization|x-api-key)\b['\"]?\s*[:=]\s*['\"]?)(?:(?:basic|bearer|token)\s+)?[^\s'\",;]+", re.I
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def redact(text: str) -> str:
    """Replace what may be secret in a text by ***.

    These are the user and password of an address, the values of its query but for harmless parameters, headers that authorize,
    and the keys of Prefect and of cloud storages in the environment. An environment variable that an address names (`${TOKEN}`) is no secret.

    >>> redact("no answer from https://me:secret@host/a.csv?format=csv&X-Amz-Signature=1f2e: timed out")
    'no answer from https://***@host/a.csv?format=csv&X-Amz-Signature=***: timed out'
    """
    for name, shortest in _SECRET_VARIABLES.items():
        if len(value := os.environ.get(name, "")) >= shortest:
            text = text.replace(value, HIDDEN)
    if "://" in text:
        text = _FLAG.sub(_redact_flag, _USER.sub(_redact_user, text))
        text = _FRAGMENT.sub(_redact_query, text)
    if "=" in text:
        text = _QUERY.sub(_redact_query, text)
    return _HEADER.sub(rf"\g<name>{HIDDEN}", text)


def redact_data(data: Any) -> Any:
    """Return plain data (dicts, lists, texts, numbers) with `redact` applied to every text."""
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, Mapping):
        return {key: redact_data(value) for key, value in data.items()}
    return [redact_data(value) for value in data] if isinstance(data, list | tuple) else data


def redact_error(error: BaseException) -> None:
    """Apply `redact` to the texts of an exception and of those that it comes from, so that a traceback may be shown."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        found = waiting.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        waiting += [found.__cause__, found.__context__, *found.args, getattr(found, "reason", None)]
        found.args = tuple(redact(part) if isinstance(part, str) else part for part in found.args)


def has_secret(text: str) -> bool:
    """Tell whether `redact` would change a text."""
    return redact(text) != text


def expand_variables(address: str) -> str:
    """Put the values of environment variables in the place of their names in an address, as in https://me:${PASSWORD}@host/.

    Raises:
        UserError: If a variable is not set, or if the address was redacted.
    """
    if HIDDEN in unquote(address):
        raise UserError(
            f"the address {redact(address)} was written without its secret parts; give it again with --data, or write the "
            "secret as the name of an environment variable: https://me:${PASSWORD}@host/file.csv"
        )

    def read(found: re.Match[str]) -> str:
        if (value := os.environ.get(found[1])) is None:
            raise UserError(
                f"the address {redact(address)} names the environment variable {found[1]}, which is not set"
            )
        return value

    return _VARIABLE.sub(read, address)


def _redact_user(found: re.Match[str]) -> str:
    user, mark, password = found["user"].partition(":")
    if _is_no_secret(password if mark else user) or (not mark and _STORAGES.match(found["scheme"])):
        return found[0]
    return f"{found['scheme']}{HIDDEN}@"


def _redact_flag(found: re.Match[str]) -> str:
    return found[0] if _STORAGES.match(found["scheme"]) else f"{found['scheme']}{found[2]}{HIDDEN}"


def _redact_query(found: re.Match[str]) -> str:
    parts = re.split(r"([&;])", found["query"])
    return found["mark"] + "".join(map(_redact_parameter, parts))


def _redact_parameter(part: str) -> str:
    name, mark, value = part.partition("=")
    if _is_no_secret(value):
        return part
    closing = re.search(r"[\])}.,:;!]*$", value)
    end = closing[0] if closing else ""
    value = value[: len(value) - len(end)]
    if not mark or not value or name.casefold() in _HARMLESS or _is_no_secret(value):
        return part
    return f"{name}={HIDDEN}{end}"


def _is_no_secret(value: str) -> bool:
    return value in ("", HIDDEN) or _VARIABLE.fullmatch(value) is not None
