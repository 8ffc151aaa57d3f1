"""The report of a run as one typed model: what report.json holds, and what the page, the terminal and Prefect show.

Every field may be missing, so that the report of an older version can be read. Reading ignores unknown keys, and takes a
part of a wrong type for missing. Only fields that were given are written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chem_vae.atomic_files import read_json
from chem_vae.errors import DataError
from pipeline.report.facts.asked_and_found import (
    Achieved,
    Distribution,
    Diversity,
    ExpectedHits,
    Isomer,
    News,
    Novelty,
    Refusal,
    Request,
    Stage,
)
from pipeline.report.facts.dataset_facts import DatasetFacts
from pipeline.report.facts.library_facts import LibraryFacts
from pipeline.report.facts.model_facts import LatentMap, ModelFacts, Predictor, Training
from pipeline.report.facts.part import Part, Row, Share
from pipeline.report.facts.rounds import Round
from pipeline.report.facts.search_facts import Search
from pipeline.report.raw_values import Logarithm
from pipeline.workspace.storage.manifest_parts import explain_mismatch

FORMAT, FORMAT_VERSION = "chem-vae report", 1


class Report(Part):
    """The report of a run of `generate` or of `optimize`, as report.json holds it."""

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    title: str = ""
    created: str = ""
    """ISO 8601."""
    run_id: str = ""
    model: ModelFacts = ModelFacts()
    dataset: DatasetFacts = DatasetFacts()
    kept_neighbors: int | None = None
    """Training molecules kept with the model in which neighbors were looked for; None where it was the whole dataset."""
    predictors: list[Predictor] = []
    logarithms: list[Logarithm] = []
    """Properties that are logarithms of measured values."""
    training: Training = Training()
    versions: dict[str, str] = {}
    machine: str = ""
    seconds: Row = {}
    request: Request = Request()
    funnel: list[Stage] = []
    refusals: list[Refusal] = []
    """What the constraints of a generation refused; an optimization's are in `optimization`."""
    redraws: int | None = None
    canonical: Share = Share()
    """Decoded strings that spell their molecule as the training data would."""
    novelty: Novelty | None = None
    news: News | None = None
    """None where the candidate library was not asked."""
    achieved: list[Achieved] = []
    ranking: str = ""
    """What the candidates are ranked by, in words: "score" or "what is worth measuring"; "" in reports of before 0.3.0."""
    hits: ExpectedHits | None = None
    """What the predictions promise; None where every value is computed, or no goal is known."""
    diversity: Diversity = Diversity()
    distributions: list[Distribution] = []
    latent_map: LatentMap | None = None
    optimization: Search | None = None
    library: LibraryFacts | None = None
    """The library that the candidates were chosen from; None where they were generated."""
    rounds: list[Round] = []
    """The rounds before this one, the oldest first, with what was measured of their proposals."""
    isomers: list[Isomer] = []
    isomers_file: str = ""
    """The file of the run folder with the stereoisomers of the candidates; "" where none were asked for."""
    cautions: list[str] = []
    """Sentences of the verdict on what most candidates are."""
    warnings: list[str] = []
    molecules: int | None = None
    """Molecules that the candidates were chosen from."""

    def to_dict(self) -> dict[str, Any]:
        """Write the report in plain types, without what was not given."""
        return self.model_dump(exclude_unset=True)

    def requested_and_achieved(self) -> list[Achieved]:
        """List a row for each objective, also where it has no figures, and for each other property with figures."""
        requested = {
            o.property: Achieved(property=o.property, label=o.label, unit=o.unit, basis=o.basis, aim=o.aim)
            for o in self.request.objectives
        }
        return list((requested | {row.property: row for row in self.achieved}).values())


def read_report(folder: Path) -> Report:
    """Read the report.json of a run's folder.

    Raises:
        DataError: the file is missing or damaged.
    """
    path = folder / "report.json"
    try:
        return Report.from_dict(read_json(path))
    except FileNotFoundError:
        raise DataError(f"{folder} has no report.json: the run is not finished, or this is no run's folder") from None
    except ValidationError as error:
        raise DataError(f"{path} is damaged: {explain_mismatch(error)}; run it again") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error}; run it again") from None
