"""Gives undefined stereocenters of sampled molecules a configuration, so that samples define stereo as often as the data.

Whether an atom is a stereocenter depends on what is written after it, so a decoder that writes symbol by symbol must mark a center
before it has one. It marks too few: fine-tuned on molecules of which 9 % have an undefined center, a model drew as many molecules
with centers as the data have, and left a center undefined in 17 % of them. The training measures both shares (`measure_undefined`),
and of the samples with undefined centers so many get one of their configurations that the share of the data remains. Each
configuration is drawn in proportion to its likelihood under the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.standardization.stereo_groups import count_undefined_stereo
from pipeline.chemistry.stereo_isomers import enumerate_stereoisomers
from pipeline.models.spelling import write_selfies

CARD_ENTRY = "undefined_stereo"
"""The key in a model's card of the shares of molecules with undefined stereo, `drawn` and `data`; only where stereo was learned."""
_MOST_ISOMERS = 8


def has_undefined_stereo(smiles: str) -> bool:
    """Tell whether a molecule has a center or double bond without a configuration; False for one that RDKit cannot read."""
    if not any(mark in smiles for mark in "(=1"):  # neither branch, ring nor double bond: no stereo
        return False
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return mol is not None and count_undefined_stereo(mol) > 0


def measure_undefined(smiles: Sequence[str]) -> Share:
    """Measure the share of molecules with undefined stereo."""
    return Share(sum(map(has_undefined_stereo, smiles)), len(smiles))


def find_share_to_define(card: Mapping[str, Any]) -> float:
    """Find how many of the samples with undefined stereo are to get a configuration, by the card of their model; 0 to 1."""
    if (entry := card.get(CARD_ENTRY)) is None:
        return 0.0
    drawn, data = (Share(entry[name]["count"], entry[name]["of"]) for name in ("drawn", "data"))
    if not drawn.count or not data.of:
        return 0.0
    return float(np.clip(1.0 - data.fraction / drawn.fraction, 0.0, 1.0))


def define_stereo(
    checkpoint: Checkpoint,
    smiles: Sequence[str],
    conditions: Tensor | None,
    at: NDArray[np.float64],
) -> list[str | None]:
    """Choose for each molecule with undefined stereo one of its configurations, in proportion to the model's likelihood.

    Args:
        checkpoint: The model.
        smiles: n canonical SMILES.
        conditions: (n, P) standardized, NaN or None unknown.
        at: (n,) numbers from 0 to 1, each of which picks a configuration by the cumulative likelihood.

    Returns:
        n canonical SELFIES strings; None where no configuration can be spelled by the model, or no stereo is undefined.
    """
    strings: list[str] = []
    owners: list[int] = []
    for row, molecule in enumerate(smiles):
        isomers, _ = enumerate_stereoisomers(molecule, _MOST_ISOMERS)
        for isomer in isomers:
            spelled = write_selfies(isomer, checkpoint.vocabulary)
            if isomer != molecule and spelled is not None and not checkpoint.vocabulary.find_missing(spelled):
                strings.append(spelled)
                owners.append(row)
    chosen: list[str | None] = [None] * len(smiles)
    if not strings:
        return chosen
    owner = np.array(owners)
    given = None if conditions is None else conditions[torch.from_numpy(owner)]
    nats = checkpoint.log_likelihood(strings, given).double().numpy()
    for row in np.unique(owner):
        mine = np.flatnonzero(owner == row)
        weights = np.cumsum(np.exp(nats[mine] - nats[mine].max()))
        place = min(int(np.searchsorted(weights, at[row] * weights[-1], side="right")), len(mine) - 1)
        chosen[row] = strings[mine[place]]
    return chosen
