"""From latent points to checked molecules, drawn again where the decoder lost its thread.

The training data spells each molecule in one way, its canonical one. A string that spells its molecule otherwise is one that
the decoder derailed on (a ring closed elsewhere than it meant, most often), and its molecule is seldom what the model holds likely:
of samples of the shipped model, 99 % of those spelled canonically pass the MOSES filters and 76 % of the others. Drawing these
again is rejection sampling from p(x) given that the model agrees with its own spelling; it needs no property and no reference data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.validate import Candidate, validate
from pipeline.models.spelling import write_selfies

REDRAWS = 4


@dataclass(frozen=True)
class Draw:
    """Molecules drawn: row i for row i of the latent points."""

    candidates: list[Candidate]
    strings: list[str | None]
    """The SELFIES string of each row, as it was decoded."""
    spellings: list[str | None]
    """The canonical spelling of each row's molecule; None where it has none."""
    canonical: Share
    """Of all strings decoded, drawn again or kept, those spelled canonically."""


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
    """Decode each row of z (n, D; NaN without z) and validate it; conditions (n, P) standardized.

    redraws: how often at most a row is drawn again whose string is not its molecule's canonical spelling; what comes last
    stays. 0 for the decoder as it is. A temperature of 0 gives the same string again, and is not redrawn.
    """
    candidates: list[Candidate] = [Candidate(row, None, "not decoded") for row in range(len(z))]
    strings: list[str | None] = [None] * len(z)
    spellings: list[str | None] = [None] * len(z)
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
            if attempt == 0 or candidate.valid:  # a molecule, however spelled, is better than none
                strings[row], spellings[row] = string, spelled
                candidates[row] = replace(candidate, row=row)
            fine = string is not None and string == spelled
            canonical, drawn = canonical + fine, drawn + 1
            if not fine:
                again.append(row)
        open_rows = again
    return Draw(candidates, strings, spellings, Share(canonical, drawn))
