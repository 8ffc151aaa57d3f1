"""Decodes latent points into checked molecules, and draws again what is not spelled canonically.

The training data spells each molecule in one way, the canonical one. Where the decoder spells a molecule otherwise, it has made
an error on the way (most often it closed a ring in another place than intended), and the molecule is seldom one that the model
holds likely: in samples of the shipped model, 99 % of the molecules spelled canonically pass the MOSES filters, and 76 % of the
others. To draw these again is rejection sampling from p(x), given that the model agrees with its own spelling. It needs no
property and no reference data.

Strings with stereo or charges are longer and easier to spell otherwise, so that plain rejection would take them away: a model that
had learned stereo from some thousand molecules drew it in 20 % of its molecules, and in 10 % after four redraws. A molecule is
therefore replaced only by one that has stereo and charges where it had them, and the shares of both stay those of p(x). A stereo mark
counts as the decoder wrote it: where it stands at no stereocenter, since the molecule became another, it is lost with the error.
Stereocenters that were not marked get a configuration as often as the data define them (`pipeline.models.stereo_choice`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.stereo_and_charge import has_charge, has_stereo
from pipeline.chemistry.validate import Candidate, validate
from pipeline.models.spelling import write_selfies
from pipeline.models.stereo_choice import define_stereo, find_share_to_define, has_undefined_stereo

REDRAWS = 4


@dataclass(frozen=True)
class Draw:
    """Molecules drawn from n latent points, row i from point i."""

    candidates: list[Candidate]
    strings: list[str | None]
    """The decoded SELFIES strings; where stereo was given to a molecule, the string with it."""
    spellings: list[str | None]
    """The canonical SELFIES strings of the molecules; None where there is none."""
    canonical: Share
    """The strings that are spelled canonically among all decoded ones, those drawn again included."""


def draw(
    checkpoint: Checkpoint,
    z: Tensor,
    conditions: Tensor | None = None,
    *,
    temperature: float,
    guidance: float = 0.0,
    seed: int = 0,
    redraws: int = REDRAWS,
) -> Draw:
    """Decode latent points, validate the molecules, and draw those again that are not spelled canonically.

    Of the molecules that are decoded without z, some with undefined stereo get a configuration.

    Args:
        checkpoint: The model.
        z: Latent points (n, D); a row of NaN is decoded without z.
        conditions: Standardized conditions (n, P), NaN unknown.
        temperature: The temperature of the decoder's symbols; 0 decodes greedily and draws nothing again.
        guidance: How much more closely than it learned the decoder follows the conditions.
        seed: The seed of the random numbers.
        redraws: How often a row is drawn again at most; the last draw of the kind (with or without stereo, with or without a charge)
            that the first was meant to be stays. 0 for the decoder as it is.
    """
    candidates: list[Candidate] = [Candidate(row, None, "not decoded") for row in range(len(z))]
    strings: list[str | None] = [None] * len(z)
    spellings: list[str | None] = [None] * len(z)
    kinds: list[tuple[bool, bool] | None] = [None] * len(z)
    open_rows = list(range(len(z)))
    canonical = drawn = 0
    for attempt in range((redraws if temperature > 0 else 0) + 1):
        if not open_rows:
            break
        found = checkpoint.decode(
            z[open_rows],
            None if conditions is None else conditions[open_rows],
            temperature=temperature,
            guidance=guidance,
            seed=seed + 7919 * attempt,
        )
        again = []
        for row, string, candidate in zip(open_rows, found, validate(found, checkpoint.vocabulary), strict=True):
            spelled = write_selfies(candidate.smiles, checkpoint.vocabulary)
            smiles = candidate.smiles if candidate.valid else None
            kind = None if smiles is None else (has_stereo(smiles), has_charge(smiles))
            if kinds[row] is None and kind is not None and string is not None:
                kinds[row] = (has_stereo(string), kind[1])
            same = kind is not None and kind == kinds[row]
            if attempt == 0 or same:  # a molecule, however spelled, is better than none
                strings[row], spellings[row] = string, spelled
                candidates[row] = replace(candidate, row=row)
            fine = string is not None and string == spelled
            canonical, drawn = canonical + fine, drawn + 1
            if not (fine and same):
                again.append(row)
        open_rows = again
    if temperature > 0:
        rows = _choose_rows_to_define(checkpoint, z, candidates, seed)
        wanted = None if conditions is None else conditions[rows]
        at = np.random.default_rng([seed, 1]).random(len(z))[rows]
        defined = define_stereo(checkpoint, [candidates[row].smiles or "" for row in rows], wanted, at)
        for row, candidate in zip(rows, validate(defined, checkpoint.vocabulary), strict=True):
            if candidate.valid:
                candidates[row] = replace(candidate, row=row)
                strings[row] = spellings[row] = defined[candidate.row]
    return Draw(candidates, strings, spellings, Share(canonical, drawn))


def _choose_rows_to_define(checkpoint: Checkpoint, z: Tensor, candidates: list[Candidate], seed: int) -> list[int]:
    """Choose at random the valid molecules without z, and with undefined stereo, that get a configuration."""
    share = find_share_to_define(checkpoint.card)
    if share == 0.0:
        return []
    chosen = np.random.default_rng([seed, 0]).random(len(z)) < share
    chosen &= z.isnan().any(dim=-1).cpu().numpy()
    return [
        row
        for row in np.flatnonzero(chosen).tolist()
        if (smiles := candidates[row].smiles) and has_undefined_stereo(smiles)
    ]
