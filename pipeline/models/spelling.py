"""Writes molecules as SELFIES strings that a model can encode: standard form, SELFIES, and the model's vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

from chem_vae.errors import UserError, VocabularyError
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.standardize import Rejection, Standardizer


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

    def require_selfies(self) -> str:
        """Return the SELFIES string.

        Raises:
            UserError: The model cannot encode the input (a VocabularyError where SELFIES or the vocabulary is the reason).
        """
        if self.selfies is None:
            error = UserError if self.smiles is None else VocabularyError
            raise error(f"cannot encode {self.input!r}: {self.reason}")
        return self.selfies


class Speller:
    """Spells molecules for one model: by the standard form of its training data and by its vocabulary."""

    def __init__(self, options: StandardizeOptions, vocabulary: SelfiesVocabulary) -> None:
        """Prepare the standardizer of the options; the vocabulary brings its own bond constraints."""
        self.standardizer = Standardizer(options)
        self.vocabulary = vocabulary

    def spell(self, smiles: str, row: int = 0) -> Spelling:
        """Spell one SMILES; `row` is its number in the input. Never raises for a molecule."""
        molecule = self.standardizer(smiles, row)
        if isinstance(molecule, Rejection):
            readable = molecule.stage not in ("read", "parse")
            return Spelling(str(smiles), None, None, None, molecule.reason, readable)
        selfies, reason = None, ""
        try:
            selfies = self.vocabulary.from_smiles(molecule.smiles)
            if missing := self.vocabulary.missing(selfies):
                selfies, reason = None, f"the model has never seen {', '.join(missing)}"
        except VocabularyError as error:
            reason = str(error)
        return Spelling(smiles, molecule.smiles, molecule.inchikey, selfies, reason, True)


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
