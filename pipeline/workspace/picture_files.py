"""The formats of picture files, which their names select."""

from __future__ import annotations

from pathlib import Path

from chem_vae.errors import UserError

PICTURES = (".png", ".svg")


def picture_format(path: Path) -> str:
    """Return the format that a picture's name asks for: "png" or "svg".

    Raises:
        UserError: the name has another ending.
    """
    if path.suffix.lower() not in PICTURES:
        raise UserError(f"cannot draw into {path.name}: the name must end in {' or '.join(PICTURES)}")
    return path.suffix.lower().removeprefix(".")
