"""Rejection, the exception by which a stage of standardization refuses a molecule, and the words for RDKit's reasons."""

from __future__ import annotations

from dataclasses import dataclass

from rdkit import Chem
from rdkit.Chem import Mol

_SHOWN = 500  # characters of an input that a rejection keeps


@dataclass(frozen=True)
class Rejection:
    """A row that did not become a molecule.

    Args:
        row: Its number, from 0.
        input: Its content, cut where it is long.
        stage: The stage that refused it.
        reason: The reason, for a person.
    """

    row: int
    input: str
    stage: str
    reason: str

    def __post_init__(self) -> None:
        text = self.input.encode("utf-8", "replace").decode("utf-8")
        object.__setattr__(self, "input", text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
        object.__setattr__(self, "reason", self.reason.encode("utf-8", "replace").decode("utf-8"))


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
