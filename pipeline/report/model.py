"""The report of a run as one typed model: what report.json holds, and what the page, the terminal and Prefect show.

Every field may be missing, so that the report of an older version can be read. Reading ignores unknown keys, and takes a
part of a wrong type for missing. Only fields that were given are written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError

from chem_vae.atomic_files import read_json
from chem_vae.errors import DataError
from pipeline.report.dataset_facts import DatasetFacts
from pipeline.report.library_facts import LibraryFacts
from pipeline.report.part import Number as Number
from pipeline.report.part import Part as Part
from pipeline.report.part import Point as Point
from pipeline.report.part import PropertyPart as PropertyPart
from pipeline.report.part import Row as Row
from pipeline.report.part import Share as Share
from pipeline.report.raw_values import Logarithm
from pipeline.report.rounds import Round
from pipeline.workspace.manifest_parts import explain_mismatch

FORMAT, FORMAT_VERSION = "chem-vae report", 1


class Stage(Share):
    """A stage of the funnel, counted among the molecules of the stage before it."""

    stage: str = ""
    explanation: str = ""


class Objective(PropertyPart):
    """An objective as it was requested."""

    basis: str = ""
    """"computed", "predicted" or, of the user's own function or program, "by your oracle"."""
    aim: str = ""
    """The objective in words."""
    kind: str = ""
    target: float | None = None
    tolerance: float | None = None
    low: float | None = None
    high: float | None = None
    weight: float | None = None
    falling: bool | None = None
    """Whether less is better where the value itself is ranked by; None in reports of before 0.3.0, whose aim says it."""
    transform: list[Point] = []
    """(value, desirability) pairs of the objective's transform, for a plot."""

    def interval(self) -> tuple[float | None, float | None]:
        """Return the values that the objective accepts; None for an open end, or for both where it accepts any value."""
        if self.target is not None and self.tolerance is not None:
            return self.target - self.tolerance, self.target + self.tolerance
        return self.low, self.high

    @property
    def is_falling(self) -> bool:
        """Whether less is better where the value itself is ranked by."""
        return self.aim.startswith("low") if self.falling is None else self.falling


class Request(Part):
    """The request that a run answered; only optimizations have the oracle and the fields after it."""

    n: int | None = None
    samples: int | None = None
    strategy: str | None = None
    temperature: float | None = None
    seed: int | str | None = None
    oracle: str | None = None
    oracle_calls: int | None = None
    objectives: list[Objective] = []
    aggregate: str | None = None
    constraints: list[str] = []
    allow_unusual: list[str] = []
    """Names of unusual structures that were allowed; "all" for everything."""
    seeds: list[str] = []
    """SMILES from which the search started."""


class Achieved(PropertyPart):
    """The values of one objective's property over the candidates."""

    basis: str = ""
    aim: str = ""
    of: int | None = None
    mean: float | None = None
    std: float | None = None
    mae: float | None = None
    """Mean absolute distance from the target; None without a target."""
    within: int | None = None
    """Candidates within the objective's interval; None where an optimization has no interval."""
    expected: float | None = None
    """Of a predicted property: the sum of the candidates' probabilities to be within it when they are measured."""
    sampled: Achieved | None = None
    """The same over all molecules of the run."""


class ExpectedHits(Part):
    """The number of candidates that are expected to reach the goal when they are measured."""

    goal: str = ""
    """The goal in words."""
    expected: float | None = None
    low: int | None = None
    high: int | None = None
    """The number lies between `low` and `high` 8 of 10 times."""
    of: int | None = None
    checked: Row = {}
    """The same promise on molecules that the predictor had not seen: chosen (how many), expected and found hits."""


class Novelty(Part):
    """Novel molecules: not in the training data, and never proposed before as far as the candidate library knows."""

    stereo_aware: Share = Share()
    stereo_blind: Share = Share()
    not_in_training: Share = Share()
    never_proposed: Share = Share()
    """The two halves; without a count in reports of before 0.3.0 and where the library was not asked."""


class News(Part):
    """What a run brought that the candidate library did not know when it began."""

    new: Share = Share()
    """The candidates that no earlier run had proposed."""
    last_run: str = ""
    """The id of the last run before it; "" for the first one."""
    known: int | None = None
    """The molecules that the library knew."""
    passed_over: int | None = None
    """Those of them that the run came across."""
    excluded: bool = True
    """Whether these were left out of the candidates."""


class Diversity(Part):
    """How different the candidates are from each other."""

    internal_diversity: float | None = None
    scaffolds: int | None = None
    of: int | None = None


class Distribution(PropertyPart):
    """Values of one property in the training data, in all molecules of the run, and in the candidates."""

    basis: str = ""
    data: list[Number] = []
    samples: list[Number] = []
    candidates: list[Number] = []
    of: dict[str, int] = {}
    """How many values `data` and `samples` were drawn from."""


class Isomer(Part):
    """A stereoisomer of a candidate whose stereo is undefined, predicted on its own."""

    isomer: str = ""
    """Its name: "3.1" is the best one of the candidate of rank 3."""
    parent_rank: int | None = None
    smiles: str = ""
    in_data: bool | None = None
    score: float | None = None
    values: Row = {}
    """The values of the objectives by property."""
    spreads: Row = {}
    """The standard deviations of the predicted ones."""


class LatentMap(Part):
    """Training molecules and candidates on the two main directions of the latent space."""

    data: list[Point] = []
    values: list[Number] = []
    """The value of `color_property` for each point of `data`."""
    color_property: str | None = None
    candidates: list[Point] = []
    candidate_rows: list[int] = []
    """The places in the table of the candidates that have a point; [] in reports of before 0.3.0."""
    explained: list[Number] = []
    """The share of the variance along each direction."""


class Predictor(PropertyPart):
    """A property predictor with its figures on held-out molecules; more keys of the model's card are kept."""

    model_config = ConfigDict(extra="allow")

    method: str | None = None
    n_train: int | None = None
    n_test: int | None = None
    r2: float | None = None
    mae: float | None = None
    rmse: float | None = None
    coverage: dict[str, Number] = {}
    """The share of values inside the predictor's interval, by the interval's nominal share."""
    parity: list[Point] = []
    """(held-out value, prediction, standard deviation) triples."""
    compared: dict[str, Any] | None = None
    """How the representation of a measured property was chosen."""
    classification: dict[str, Any] | None = None
    """Of a property with two classes: roc_auc, pr_auc, brier, base_rate and calibration of its probability."""


class Training(Part):
    """How the model was trained."""

    history: list[Row] = []
    validation: list[Row] = []
    kl_per_dimension: list[Number] = []
    warnings: list[str] = []


class ModelFacts(Part):
    """The model of the run, from its card."""

    key: str | None = None
    parameters: int | None = None
    latent_size: int | None = None
    vocabulary: Row = {}
    conditions: list[str] = []
    training_molecules: int | None = None
    trained_seconds: float | None = None
    base: str | None = None
    """The model that the training started from, and how well it fitted the data beside others."""
    figures: dict[str, Any] = {}


class Failure(Part):
    """A reason for which oracle calls failed."""

    reason: str = ""
    count: int | None = None


class Refusal(Share):
    """A constraint with the number of molecules that failed it first."""

    constraint: str = ""


class DiversityAt(Part):
    """Diversity of the best molecules after a number of oracle calls."""

    calls: int | None = None
    diversity: float | None = None
    scaffolds: int | None = None
    of: int | None = None


class Origin(Part):
    """A move or center of the search: its oracle calls, their scores, and its part of the best molecules."""

    origin: str = ""
    asked: int | None = None
    of: int | None = None
    scored: int | None = None
    mean: float | None = None
    best: float | None = None
    among_best: int | None = None
    best_of: int | None = None
    candidates: int | None = None
    candidates_of: int | None = None


class OriginShares(Part):
    """The share of each origin in consecutive parts of the oracle calls."""

    origins: list[str] = []
    edges: list[int] = []
    """The number of calls at which each part begins and ends: one more than there are parts."""
    shares: list[list[float]] = []


class Ancestor(Part):
    """A molecule of a lineage."""

    smiles: str | None = None
    score: float | None = None
    call: int | None = None
    origin: str | None = None


class ComparedPrediction(PropertyPart):
    """Predicted against computed values of molecules that the oracle was asked about."""

    points: list[Point] = []
    of: int | None = None
    mae: float | None = None
    r2: float | None = None


class Front(Part):
    """The Pareto front among all scored molecules."""

    objectives: list[PropertyPart] = []
    points: list[Point] = []
    front: list[Point] = []
    size: int | None = None
    of: int | None = None
    reference: list[Number] = []
    hypervolume: list[Point] = []
    """(calls, hypervolume) pairs."""


class SearchMap(Part):
    """The search on the two main directions of the latent space."""

    data: list[Point] = []
    calls: list[Point] = []
    """(x, y, number of the call) triples."""
    path: list[Point] = []
    """The best molecule so far, each time that it changed: (x, y, number of the call, score)."""
    records: int | None = None
    """How often the best molecule changed."""
    candidates: list[Point] = []
    candidate_rows: list[int] = []
    """The places in the table of the candidates that have a point; [] in reports of before 0.3.0."""
    explained: list[Number] = []
    placed: Share = Share()
    """Molecules that could be encoded."""


class Search(Part):
    """The findings of an optimization, and the oracle calls that they took."""

    ended: str = ""
    calls: int | None = None
    budget: int | None = None
    failures: list[Failure] = []
    drafts: int | None = None
    """Distinct molecules that the strategy looked at."""
    constraints: list[Refusal] = []
    unusual: dict[str, int] = {}
    """Molecules that were refused as unusual, by name of what was found first in them; the most frequent first."""
    best: float | None = None
    curve: list[Point] = []
    """(calls, best score, mean of the best ten, mean of the best hundred)."""
    scores: list[Point] = []
    """(number of the call, score) pairs."""
    diversity: list[DiversityAt] = []
    origins: list[Origin] = []
    shares: OriginShares = OriginShares()
    lineages: list[list[Ancestor]] = []
    predictions: list[ComparedPrediction] = []
    front: Front | None = None
    map: SearchMap | None = None
    seconds: Row = {}

    def best_ten(self) -> float | None:
        """Return the mean score of the ten best molecules at the end."""
        return self.curve[-1][2] if self.curve and len(self.curve[-1]) > 2 else None


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
