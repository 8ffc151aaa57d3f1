"""Shows what is unusual in the molecules of a user, and at which atoms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, overload

import pandas as pd
from rdkit import Chem, rdBase

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import learn_usual, locate_unusual, read_allowed
from pipeline.chemistry.filters.unusual_cells import write_unusual
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.chemistry.standardization.standardize import Standardizer
from pipeline.datasets.layout.given_molecules import list_given
from pipeline.datasets.readers import READERS, Hints
from pipeline.datasets.readers.source import Source
from pipeline.workspace.check_arguments import check_count


class Finding(NamedTuple):
    """The unusual structures of one molecule, and where they are."""

    row: int
    """The row of the file, or the place in the list, counted from 1."""
    smiles: str
    """The standard form; "" where the molecule cannot be read."""
    unusual: str
    """The names, separated by semicolons; "" where nothing is unusual."""
    atoms: str
    """For each name the numbers of its atoms in `smiles`, from 0 on."""
    input: str
    """The molecule as it was given; of a record of an SDF file its standard form."""
    reason: str
    """Why the molecule cannot be read; "" where it can."""


@overload
def unusual(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
    smiles: str, allow: str | Iterable[str] = (), like: str | Iterable[str] | pd.DataFrame = ()
) -> dict[str, tuple[int, ...]]: ...


@overload
def unusual(
    smiles: Sequence[str] | pd.DataFrame, allow: str | Iterable[str] = (), like: str | Iterable[str] | pd.DataFrame = ()
) -> pd.DataFrame: ...


def unusual(
    smiles: str | Sequence[str] | pd.DataFrame,
    allow: str | Iterable[str] = (),
    like: str | Iterable[str] | pd.DataFrame = (),
) -> dict[str, tuple[int, ...]] | pd.DataFrame:
    """Find what is unusual in molecules: structures that real molecules rarely or never have.

    Args:
        smiles: One SMILES, several, or a DataFrame with a column of them.
        allow: Names of what is not looked for, such as "peroxide", or one; "all" stands for all names.
        like: SMILES of molecules that are usual here, or one; what they have is not looked for.

    Returns:
        For one SMILES the atoms (numbered from 0) by the name of what is unusual, {} where nothing is. The numbers are those of the
        given SMILES, or of the standard form where standardization changes the molecule. For several a table with a row for each and
        the columns row, smiles (the standard form), unusual, atoms (in the standard form), input and reason (why it cannot be read).

    Raises:
        UserError: A name is unknown, what is given is neither a SMILES nor a list, or one SMILES, given alone, cannot be read.
    """
    allowed = collect_allowed(allow, like)
    if not isinstance(smiles, str):
        standardize = Standardizer()
        rows = enumerate(list_given(smiles))
        return tabulate([_describe_cell(row, cell, standardize, allowed) for row, cell in rows])
    molecule = Standardizer()(smiles)
    if isinstance(molecule, Rejection):
        raise UserError(f"{smiles!r} cannot be read as a molecule: {molecule.reason}")
    with rdBase.BlockLogs():
        given = Chem.MolFromSmiles(smiles)
    unchanged = given is not None and Chem.MolToSmiles(given) == molecule.smiles
    return locate_unusual(given if unchanged else Chem.MolFromSmiles(molecule.smiles), allowed)


def collect_allowed(allow: str | Iterable[str] = (), like: str | Iterable[str] | pd.DataFrame = ()) -> frozenset[str]:
    """Collect what is allowed by name and by example, as `pipeline.chemistry.filters.structure_filters.locate_unusual` takes it."""
    molecules = map(Standardizer(), list_given(like))
    return read_allowed(allow) | learn_usual(found.mol for found in molecules if isinstance(found, Molecule))


def find_unusual(
    given: Sequence[str],
    allowed: Collection[str] = (),
    limit: int | None = None,
    smiles_column: str | None = None,
) -> Iterator[Finding]:
    """Find what is unusual in molecules, one after the other.

    Args:
        given: SMILES, or the path of one file of molecules (csv, tsv, smi, sdf, parquet, xlsx, also .gz).
        allowed: What is not looked for, from `collect_allowed`.
        limit: The most rows that are read.
        smiles_column: The file's column of SMILES; found by its name when None.

    Raises:
        DataError: The file cannot be read.
        UserError: The limit is below 1, or there is more beside a file.
    """
    check_count("limit", limit)
    if (file := find_file(given)) is not None:
        yield from _find_in_file(file, allowed, limit, smiles_column)
        return
    standardize = Standardizer()
    for row, text in enumerate(given[:limit]):
        yield _describe(row, text, standardize(text, row), allowed)


def tabulate(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return findings as a table."""
    return pd.DataFrame(list(findings), columns=list(Finding._fields))


def find_file(given: Sequence[str]) -> Path | None:
    """Find the one file of molecules that is given; None where SMILES are given.

    Raises:
        UserError: There is more beside a file.
    """
    files = [text for text in given if is_file(text)]
    if files and len(given) > 1:
        raise UserError(f"give one file, or SMILES: {files[0]} is a file, and {len(given) - 1:,} more stand beside it")
    return Path(files[0]) if files else None


def is_file(text: str) -> bool:
    """Whether a text is the path of a file, not a SMILES: what has the ending of a table is one, also where it is missing."""
    endings = tuple(ending for reader in READERS.values() for ending in reader.suffixes)
    if text.lower().endswith((*endings, ".gz")):
        return True
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # longer than a file's name can be: a molecule
        return False


def _find_in_file(
    path: Path, allowed: Collection[str], limit: int | None, smiles_column: str | None = None
) -> Iterator[Finding]:
    standardize = Standardizer()
    for chunk in Source.open(path, Hints(smiles_column=smiles_column)).chunks(limit=limit):
        read = standardize.from_molblock if chunk.molblocks else standardize
        found = [
            _describe(row, "" if chunk.molblocks else text or "", read(text or "", row), allowed)
            for row, text in zip(chunk.rows, chunk.inputs, strict=True)
        ]
        found += [_describe(rejection.row, rejection.input or "", rejection, allowed) for rejection in chunk.rejections]
        yield from sorted(found)


def read_examples(path: Path) -> list[str]:
    """Read the molecules of a file as SMILES in standard form, without those that cannot be read."""
    return [found.smiles for found in _find_in_file(path, (), None) if found.smiles]


def _describe_cell(row: int, cell: object, standardize: Standardizer, allowed: Collection[str]) -> Finding:
    """Describe a molecule of a list, which may hold what is no text."""
    if isinstance(cell, str | Molecule):
        text = cell if isinstance(cell, str) else cell.smiles
        return _describe(row, text, standardize(cell, row), allowed)
    from pipeline.models.spelling import explain_cell, is_missing  # here: loads torch, which a text does without

    return Finding(row + 1, "", "", "", "" if is_missing(cell) else str(cell), explain_cell(cell))


def _describe(row: int, text: str, molecule: Molecule | Rejection, allowed: Collection[str]) -> Finding:
    if isinstance(molecule, Rejection):
        return Finding(row + 1, "", "", "", text, molecule.reason)
    return Finding(row + 1, molecule.smiles, *write_unusual(molecule.smiles, allowed), text or molecule.smiles, "")
