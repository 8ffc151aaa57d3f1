"""Puts the counts of a generation into the order in which molecules become candidates."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.chemistry.metrics import NEVER_PROPOSED, NOT_IN_TRAINING
from pipeline.generation.sampling.constraint_filter import MEETS
from pipeline.generation.screening.library_account import STAGES as LIBRARY_STAGES
from pipeline.generation.stereo_candidates import NO_COPY

_STAGES = (
    "requested",
    "decoded",
    "valid",
    "unique",
    MEETS,
    NOT_IN_TRAINING,
    "novel",
    NO_COPY,
    "in domain",
    "within target",
    "usual",
    "alert-free",
)


def order_stages(
    counts: Mapping[str, int], *, has_objectives: bool, excludes_known: bool, is_library: bool
) -> list[tuple[str, int]]:
    """List the stages of a generation with their counts, each among the molecules of the one before.

    Args:
        counts: The molecules by stage, and others.
        has_objectives: Whether anything was aimed at; without it nothing is within a target.
        excludes_known: Whether molecules that were proposed before are left out.
        is_library: Whether the molecules were chosen from a library.
    """
    order: tuple[str, ...] = LIBRARY_STAGES if is_library else _STAGES
    # Without the library novel is the same as not in the training data; where known molecules may be proposed, they go on.
    needless = NOT_IN_TRAINING if NEVER_PROPOSED not in counts else "" if excludes_known else "novel"
    aimless = "" if has_objectives else "within target"
    return [(stage, counts[stage]) for stage in order if stage in counts and stage not in (needless, aimless)]
