"""The report of a run: one page for a person (report.html), and the same for programs (JSON, CSV, SDF)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def write(folder: Path, report: Mapping[str, Any], candidates: pd.DataFrame) -> Path:
    """Write candidates.csv, candidates.sdf, report.json and, last, report.html into `folder`; the page's path.

    report: as in report.json's format; any part may be missing, and the page then does without it.
    candidates: one row each, best first; `smiles`, `score`, `<property>_computed`, `<property>_predicted`,
    `<property>_predicted_std`, `novel`, `alerts`, `within_target`, `nearest_training_smiles` and so on; may be empty. The
    nearest are of all training molecules, but where report["kept_neighbors"] has a number only of so many kept with the model.

    Each file is written whole or not at all. OSError where the folder cannot be written to.
    """
    from chem_vae import atomic_files
    from pipeline.chemistry.sdf_writer import sdf_text
    from pipeline.report import page

    folder.mkdir(parents=True, exist_ok=True)
    known = atomic_files.plain(report)
    text = page.render(known, candidates)
    atomic_files.write_text(folder / "candidates.csv", candidates.to_csv(index=False, lineterminator="\n"))
    atomic_files.write_text(folder / "candidates.sdf", sdf_text(candidates, str(known.get("run_id") or "")))
    atomic_files.write_json(folder / "report.json", known)
    return atomic_files.write_text(folder / "report.html", text)
