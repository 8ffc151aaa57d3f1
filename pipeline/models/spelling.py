"""Writes molecules as SELFIES strings that a model can encode: standard form, SELFIES, and the model's vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from rdkit.Chem import Mol, MolFromSmiles, MolToSmiles, RemoveStereochemistry
from torch import Tensor

from chem_vae.checkpoint import Checkpoint, read_description
from chem_vae.errors import CheckpointError, UserError, VocabularyError
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule, Structure
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer
from pipeline.workspace.lookup import list_shipped_models


@dataclass(frozen=True)
class Spelling:
    """The SELFIES string of one input. `selfies` is set exactly where the model can encode it; else `reason` says why not."""

    input: str
    smiles: str | None
    """Standardized, canonical; None where the rules of the model's data refuse the input."""
    inchikey: str | None
    selfies: str | None
    reason: str
    readable: bool
    """Whether RDKit can read the input as a molecule at all."""
    missing: tuple[str, ...] = ()
    """The symbols that the model has never seen."""

    def require_selfies(self) -> str:
        """Return the SELFIES string.

        Raises:
            UserError: The model cannot encode the input (a VocabularyError where SELFIES or the vocabulary is the reason).
        """
        if self.selfies is None:
            error = UserError if self.smiles is None else VocabularyError
            raise error(f"cannot encode {self.input!r}: {self.reason}{self._advise()}")
        return self.selfies

    def _advise(self) -> str:
        """Say what can be done about symbols that the model has never seen: without stereo, or with a model that knows them."""
        ways = []
        if self.smiles is not None and self.missing and all(_is_stereo(symbol) for symbol in self.missing):
            ways.append(f"leave out the stereo ({remove_stereo(self.smiles)!r})")
        if knows := find_shipped_model(self.missing):
            ways.append(f"take a model that has seen {'it' if len(self.missing) == 1 else 'them'} (--model {knows})")
        elif self.missing:
            ways.append("take a model that was trained on such molecules (see chem-vae models)")
        return f"; {', or '.join(ways)}" if ways else ""


class Speller:
    """Spells molecules for one model: by the standard form of its training data and by its vocabulary."""

    def __init__(self, options: StandardizeOptions, vocabulary: SelfiesVocabulary) -> None:
        """Prepare the standardizer of the options; the vocabulary brings its own bond constraints."""
        self.standardizer = Standardizer(options)
        self.vocabulary = vocabulary

    def spell(self, smiles: str | Rejection, row: int = 0) -> Spelling:
        """Spell one SMILES; `row` is its number in the input. Never raises: what is no text, or a rejected row, has its reason, too."""
        if isinstance(smiles, Rejection):
            return Spelling(smiles.input, None, None, None, smiles.reason, False)
        if not isinstance(smiles, str | Molecule):  # a list of Python or a column of pandas may hold anything
            missing = is_missing(smiles)
            return Spelling("" if missing else str(smiles), None, None, None, explain_cell(smiles), False)
        molecule = self.standardizer(smiles, row)
        if isinstance(molecule, Rejection):
            readable = molecule.stage not in ("read", "parse")
            return Spelling(str(smiles), None, None, None, molecule.reason, readable)
        selfies, reason, missing = None, "", list[str]()
        try:
            selfies = self.vocabulary.from_smiles(molecule.smiles)
            missing = self.vocabulary.find_missing(selfies)
            if missing:
                selfies, reason = None, f"the model has never seen {', '.join(missing)}"
        except VocabularyError as error:
            reason = str(error)
        return Spelling(smiles, molecule.smiles, molecule.inchikey, selfies, reason, True, tuple(missing))


def find_shipped_model(symbols: Sequence[str]) -> str | None:
    """Find the first model that came with the installation whose vocabulary has some symbols; None where there is none."""
    if not symbols:
        return None
    for name, folder in list_shipped_models().items():
        try:
            known = read_description(folder)["vocabulary"]["symbols"]
        except (CheckpointError, KeyError):
            continue
        if set(symbols) <= set(known):
            return name
    return None


def remove_stereo(smiles: str) -> str:
    """Write a SMILES without stereo.

    >>> remove_stereo("C[C@H](N)O")
    'CC(N)O'
    """
    mol = MolFromSmiles(smiles)
    RemoveStereochemistry(mol)
    return str(MolToSmiles(mol))


def _is_stereo(symbol: str) -> bool:
    return any(sign in symbol for sign in "@/\\")


def is_missing(cell: Any) -> bool:
    """Tell whether a cell that is no text is empty: None, NaN, or what pandas has for it."""
    return cell is None or bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def explain_cell(cell: object) -> str:
    """Say why a cell that is no text cannot be read as a molecule."""
    if is_missing(cell):
        return "no SMILES: the cell is empty"
    if isinstance(cell, Mol):
        return "it is a molecule of RDKit, not a SMILES: give what Chem.MolToSmiles writes of it"
    return f"not a SMILES: it is no text but a value of type {type(cell).__name__}"


def write_selfies(smiles: str | None, vocabulary: SelfiesVocabulary) -> str | None:
    """Write a canonical SMILES as the SELFIES string that it would have in the training data.

    Args:
        smiles: A canonical SMILES, or None.
        vocabulary: The vocabulary whose bond constraints hold; it need not know all the string's symbols.

    Returns:
        The SELFIES string; None for None and where SELFIES cannot write the molecule.
    """
    if smiles is None:
        return None
    try:
        return vocabulary.from_smiles(smiles)
    except VocabularyError:
        return None


def encode_valid(
    checkpoint: Checkpoint, structures: Sequence[Structure | None], spellings: Sequence[str | None] | None = None
) -> Tensor:
    """Encode those of n molecules that the vocabulary can spell.

    Args:
        checkpoint: The model.
        structures: n molecules or canonical SMILES, None where there is none.
        spellings: The canonical SELFIES strings of the molecules, None where they are not known yet.

    Returns:
        Latent means (n, D); NaN for None and for what the vocabulary cannot spell.
    """
    z = torch.full((len(structures), checkpoint.model.latent_size), torch.nan)
    found: dict[int, str] = {}
    for row, structure in enumerate(structures):
        string = spellings[row] if spellings is not None else None
        if string is None:
            smiles = structure.smiles if isinstance(structure, Molecule) else structure
            string = write_selfies(smiles, checkpoint.vocabulary)
        if string is not None and not checkpoint.vocabulary.find_missing(string):
            found[row] = string
    if found:
        z[list(found)] = checkpoint.encode(list(found.values())).mu
    return z
