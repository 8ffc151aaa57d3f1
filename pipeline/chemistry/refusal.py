"""The exception by which a stage of standardization refuses a molecule, and the words for RDKit's own reasons."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import Mol


class Refused(Exception):
    """A molecule is refused; `Standardizer` turns this into a Rejection.

    Args:
        stage: The stage that refuses it, such as "parse".
        reason: The reason, for a person.
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(reason)
        self.stage, self.reason = stage, reason


def list_problems(rough: Mol) -> str:
    """List the first three problems that keep RDKit from sanitizing a molecule."""
    problems = Chem.DetectChemistryProblems(rough)
    return "; ".join(dict.fromkeys(p.Message() for p in problems[:3])) or "RDKit cannot sanitize it"
