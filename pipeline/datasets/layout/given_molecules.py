"""Reads the molecules that a function of the library is given: one SMILES, several, or a DataFrame with a column of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from rdkit.Chem import Mol

from chem_vae.errors import UserError, unknown_name
from pipeline.datasets.layout.smiles_column import SMILES_NAMES


def list_given(smiles: Any, smiles_column: Any = None) -> list[str]:
    """List the molecules that are given; a cell that is no text keeps its place.

    >>> list_given("CCO"), list_given(("C", "N")), list_given(pd.DataFrame({"id": [1, 2], "SMILES": ["C", "N"]}))
    (['CCO'], ['C', 'N'], ['C', 'N'])

    Args:
        smiles: One SMILES, a list, an array or a column of them, or a DataFrame.
        smiles_column: The column of a DataFrame; found by its name when None.

    Raises:
        UserError: It is none of these, such as one molecule of RDKit, or the DataFrame has no such column.
    """
    if isinstance(smiles, str):
        return [smiles]
    if isinstance(smiles, pd.DataFrame):
        return list(smiles[find_smiles_column(smiles, smiles_column)])
    is_list = isinstance(smiles, Iterable) and getattr(smiles, "ndim", 1) > 0  # an array of 0 dimensions is one value
    if not is_list or isinstance(smiles, Mapping | bytes | bytearray | memoryview):
        hint = "; Chem.MolToSmiles writes a molecule of RDKit as SMILES" if isinstance(smiles, Mol) else ""
        raise UserError(
            "give one SMILES, a list of them, or a DataFrame with a column of them, "
            f"not a value of type {type(smiles).__name__}{hint}"
        )
    return list(smiles)


def find_smiles_column(table: pd.DataFrame, asked: Any = None) -> Any:
    """Find the column of SMILES of a DataFrame by its name.

    Raises:
        UserError: There is no such column, or several have its name.
    """
    found = _find_name(table, asked)
    if list(table.columns).count(found) > 1:
        raise UserError(f"the table has several columns named {found!r}, the SMILES column; rename all but one of them")
    return found


def _find_name(table: pd.DataFrame, asked: Any) -> Any:
    names = {str(column).casefold(): column for column in table.columns}
    if asked is not None:
        if asked in table.columns:
            return asked
        if str(asked).casefold() in names:
            return names[str(asked).casefold()]
        raise unknown_name("column", str(asked), map(str, table.columns))
    for name in SMILES_NAMES:
        if name in names:
            return names[name]
    columns = ", ".join(map(str, table.columns))
    raise UserError(
        f"the table has no column of SMILES that is named so (it has {columns}): give that column alone, as in table['name'], "
        "or say which it is (smiles_column=...) where a function asks for it"
    )
