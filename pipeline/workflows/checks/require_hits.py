"""Makes a night fail that has too few hits, after its run is written."""

from __future__ import annotations

from pathlib import Path

from chem_vae.errors import TooFewHitsError
from pipeline.workspace.presentation.csv_tables import read_csv
from pipeline.workspace.presentation.formatting import count_things


def count_candidate_hits(folder: Path) -> tuple[int, int]:
    """Count the candidates of a run within all its targets (all of them where it has none), and all candidates."""
    table = read_csv(folder / "candidates.csv")
    hits = table["within_target"].astype(bool).sum() if "within_target" in table else len(table)
    return int(hits), len(table)


def require_hits(folder: Path, least: int | None) -> None:
    """Check that a finished run has enough hits.

    Args:
        folder: The run folder.
        least: The hits that there must be; None for any number.

    Raises:
        TooFewHitsError: If there are fewer.
    """
    if least is None:
        return
    hits, of = count_candidate_hits(folder)
    if hits < least:
        raise TooFewHitsError(
            f"the run {folder.name} is finished, but {hits:,} of its {count_things(of, 'candidate')} {'is' if hits == 1 else 'are'} within all targets, fewer than "
            f"fail_under = {least:,}"
        )
