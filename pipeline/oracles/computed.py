"""An oracle of registered properties, computed in this process and counted like any other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rdkit import Chem, rdBase

from pipeline.chemistry.properties import get_property
from pipeline.oracles.base import Answer, Oracle


class ComputedOracle(Oracle):
    """Computes properties (`pipeline.chemistry.properties`), each an endpoint. Raises UserError for an unknown one."""

    def __init__(self, properties: Sequence[str], name: str | None = None) -> None:
        self._properties = [get_property(p) for p in properties]
        self.endpoints = tuple(properties)
        self.name = name or ", ".join(properties)

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """Yield the answers in order, each as it is computed."""
        for row, text in enumerate(smiles):
            with rdBase.BlockLogs():
                mol = Chem.MolFromSmiles(text)
            if mol is None or mol.GetNumAtoms() == 0:
                yield Answer(row, (math.nan,) * len(self.endpoints), "RDKit reads no molecule")
                continue
            values = tuple(p(mol) for p in self._properties)
            failed = [p.name for p, value in zip(self._properties, values, strict=True) if math.isnan(value)]
            yield Answer(row, values, f"{', '.join(failed)} cannot be computed" if failed else None)
