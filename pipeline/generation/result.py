"""GenerationReport: what a generation found, with the counts on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.chemistry.metrics import Share
from pipeline.chemistry.output.molecule_table import HasCandidates, MoleculeTable, list_drawings, list_lines
from pipeline.generation.acquisition.hit_probability import ExpectedHits
from pipeline.generation.config import GenerateConfig
from pipeline.generation.funnel import order_stages
from pipeline.generation.sampling.constraint_filter import Refusals
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.workspace.presentation.formatting import count_things, format_number
from pipeline.workspace.presentation.notebook_card import Card

if TYPE_CHECKING:
    from pipeline.generation.screening.library_account import LibraryAccount  # for the type alone


@dataclass(repr=False)
class GenerationReport(HasCandidates):
    """The result of `generate`: the ranked candidates, all valid and distinct molecules, and the counts on the way."""

    candidates: pd.DataFrame
    """The ranked candidates, `n` at most: valid, unique and novel. The column `molecule` holds Molecule objects."""
    molecules: pd.DataFrame
    """All valid and distinct molecules in the order of sampling, with the same columns except the neighbors. Those that are
    neither within the target nor near the candidates' rank are not annotated: alerts, scaffold and further properties are
    None and NaN."""
    counts: dict[str, int]
    """requested, decoded, valid, unique, not in the training data, never proposed before, novel (both), novel (stereo-blind), within target, usual (among those), alert-free (among
    the usual ones); without the training data there is no count of novel ones."""
    objectives: list[ResolvedObjective]
    config: GenerateConfig
    samples: int
    canonical: Share
    """How many of the decoded strings are the canonical spelling of their molecule (`pipeline.models.sampling`)."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    refusals: Refusals = field(default_factory=Refusals)
    """The number of molecules that each constraint refused."""
    isomers: pd.DataFrame | None = None
    """The stereoisomers of the candidates with undefined stereo (`predict_isomers`), where they were asked for."""
    hits: ExpectedHits | None = None
    """How many candidates are expected to reach the goal; None where no value is predicted or no goal is known."""
    is_stopped: bool = False
    """Whether a person ended the search early."""
    library: LibraryAccount | None = None
    """The account of the library that the candidates were chosen from; None where they were generated."""
    report: dict[str, Any] = field(default_factory=dict)
    """The content of report.json, where a run folder was written."""

    def to_frame(self, *, latent: bool = False) -> MoleculeTable:
        """Return the candidates, one per row, best first.

        Args:
            latent: Add the column `z` with the latent point of each molecule.
        """
        return MoleculeTable(
            self.candidates.drop(columns=["molecule"] if latent else ["molecule", "z"], errors="ignore")
        )

    def describe_card(self) -> Card:
        """Describe the result: what was asked for, what was found, and the first candidates drawn."""
        asked = [f"{w.summary.name} {w.aim}" for w in self.objectives]
        facts = [("asked for", "; ".join(asked) or "molecules like the data")]
        facts.append(("found", " → ".join(f"{name} {count:,}" for name, count in self.list_stages())))
        if self.hits is not None:
            hits = self.hits
            expected = f"{format_number(hits.expected)} of {hits.of:,} ({hits.low:,} to {hits.high:,})"
            facts.append(("expected to reach", f"{hits.goal}: {expected}, by the model's own probabilities"))
        table, values = self.to_frame(), self._list_values()
        return Card(
            count_things(len(table), "candidate"),
            facts,
            self.warnings,
            list_drawings(table, values),
            list_lines(table, values),
            'all of them: .to_frame(), .grid(n=...), .plot(), .save("found.sdf")' if len(table) else "",
        )

    def list_stages(self) -> list[tuple[str, int]]:
        """List the stages by which molecules became candidates, in their order, with the molecules of each."""
        return order_stages(
            self.counts,
            has_objectives=bool(self.objectives),
            excludes_known=self.config.exclude_known,
            is_library=self.library is not None,
        )

    def _list_values(self) -> list[str]:
        return [f"{w.summary.name}_{w.basis}" for w in self.objectives]
