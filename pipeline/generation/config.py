"""How candidates are chosen where a measured property has no oracle: a TOML table [generate.measured]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.workspace.settings import Settings

ACQUISITION = "acquisition"
"""What `generate` calls the search for what is worth measuring, among its strategies."""


class MeasuredConfig(Settings):
    """What is worth measuring next.

    [generate.measured]
    acquisition = "ei"
    outside_domain = true
    """

    acquisition: Literal["ucb", "ei", "mean"] = Field(
        "ucb",
        description="ucb: a confidence bound, kappa standard deviations from the expected value towards the aim; ei: the "
        "expected improvement on the ten best measured; mean: the expected value alone.",
    )
    kappa: float = Field(
        -0.5,
        ge=-5,
        le=5,
        description="Standard deviations of hope in ucb, of caution where it is negative: a search finds what a predictor "
        "overrates, so that a batch of a cautious one has the better molecules.",
    )
    min_similarity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Tanimoto similarity to the nearest measured molecule from where on a prediction counts; without it that "
        "which all but a twentieth of the measured molecules have to each other.",
    )
    outside_domain: bool = Field(False, description="Also propose molecules that are less similar than that; flagged.")
    most_similar: float = Field(
        0.6, gt=0, le=1, description="Tanimoto similarity of two candidates of a batch at most."
    )
    per_scaffold: int = Field(5, ge=1, description="Candidates with the same scaffold at most.")
    sa: float | None = Field(
        4.5,
        ge=1,
        le=10,
        description="Synthetic accessibility score from where on a molecule is put back (1 easy, 10 hard).",
    )
