"""Settings of generation: the TOML tables [generate], [generate.measured] and [screen]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_serializer

from chem_vae.config import MOST_SEED
from pipeline.chemistry.config import ScaffoldConfig
from pipeline.objectives.config import AllowUnusual, ConstraintList, Objective
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.settings import Settings

ACQUISITION = "acquisition"
"""The name of the strategy that searches for what is worth measuring."""
SCAFFOLD = "scaffold"
"""The name of the strategy that keeps a scaffold."""
UNFINISHED = "generations"
"""The folder of a workspace with a folder for each generation that is not finished."""


class MeasuredConfig(Settings):
    """Settings of the choice of what to measure next.

    ```toml
    [generate.measured]
    acquisition = "ei"
    outside_domain = true
    ```
    """

    acquisition: Literal["ucb", "ei", "mean"] = Field(
        "ucb",
        description="How candidates are chosen. ucb: by a confidence bound, kappa standard deviations from the prediction "
        "towards the aim; ei: by the expected improvement on the ten best measured; mean: by the prediction alone.",
    )
    kappa: float = Field(
        -1.0,
        ge=-5,
        le=5,
        description="The standard deviations that ucb adds to a prediction; negative values subtract them. A search finds "
        "molecules that the predictor overrates, so a cautious, negative kappa gives better batches.",
    )
    min_similarity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The least Tanimoto similarity to a measured molecule at which a prediction counts; when not given, the "
        "similarity that 95 % of the measured molecules have to another one.",
    )
    most_spread: float | None = Field(
        None,
        gt=0,
        description="The highest standard deviation of the property itself, without the noise of a measurement, at which a prediction "
        "counts; when not given, what 95 % of the measured molecules would have without their own label.",
    )
    outside_domain: bool = Field(
        False,
        description="Also propose molecules that are less similar, or whose prediction is less sure; they are flagged.",
    )
    heaviest: float | None = Field(
        0.95,
        gt=0,
        le=1,
        description="The quantile of the measured molecules' weights that no candidate exceeds; a constraint or an objective on mw or "
        "heavy_atoms goes before it, none for no limit.",
    )
    limit_alerts: bool = Field(
        True,
        description="Whether no larger share of the batch may have structural alerts than of the measured molecules, unless there are "
        "too few molecules without.",
    )
    most_similar: float = Field(
        0.8, gt=0, le=1, description="The highest Tanimoto similarity of two candidates of a batch."
    )
    per_scaffold: int = Field(10, ge=1, description="The most candidates with the same scaffold.")
    sa: float | None = Field(
        None,
        ge=1,
        le=10,
        description="The synthetic accessibility score above which a molecule ranks lower (1 easy, 10 hard); when not given 4.5, or what "
        "95 % of the measured molecules do not exceed, where that is more: somebody made those.",
    )


class GenerateConfig(Settings):
    """Settings of a generation: from a model to ranked candidates.

    ```toml
    [generate.objectives]
    logp = { target = 2.5 }
    [[generate.constraints]]
    property = "mw"
    at_least = 300
    [[generate.constraints]]
    alerts = ["PAINS", "BRENK"]
    ```
    """

    objectives: dict[str, Objective] = Field({}, description="Objectives by property; none samples like the data.")
    constraints: ConstraintList = ()
    scaffold: ScaffoldConfig | None = Field(
        None, description="The structure that every molecule keeps; any structure when not given."
    )
    n: int = Field(100, ge=1, description="How many candidates to report.")
    samples: int | None = Field(
        None,
        ge=1,
        description="How many molecules to look at for them; when not given as many as it takes to find the candidates, twice as many "
        "where there are targets or ranges, so that the nearest are chosen; ten per candidate where a property is to be as high or low as "
        "possible; and 5,000 or more where a measured property is wanted, whose prediction costs next to nothing.",
    )
    strategy: str | None = Field(
        None,
        description="conditional samples what the model learned of the targets; gradient climbs in the latent space; acquisition "
        "searches for what is worth measuring next; random, to compare with. When not given: acquisition where a measured "
        "property is wanted, else conditional.",
    )
    measured: MeasuredConfig = MeasuredConfig()
    temperature: float = Field(
        0.7, gt=0, le=5, description="The temperature of the decoder's symbols; below 1 is more typical."
    )
    guidance: float = Field(
        0.0,
        ge=0,
        le=10,
        description="How much more closely than it learned the decoder follows the targets; it takes twice the time.",
    )
    redraws: int = Field(
        4, ge=0, le=100, description="How often a molecule is drawn again that is not spelled canonically; 0: never."
    )
    batch_size: int = Field(500, ge=1, description="Molecules that are decoded at once.")
    allow_alerts: bool = Field(
        True, description="Whether molecules with structural alerts may be candidates; they are flagged."
    )
    allow_unusual: AllowUnusual = ()
    allow_stereo_copies: bool = Field(
        False,
        description="Also propose stereoisomers of measured molecules, where a measured property is wanted; without, what differs "
        "from a measured molecule only in stereo, isotopes or protonation is left out.",
    )
    enumerate_stereo: int | None = Field(
        None,
        ge=2,
        le=1024,
        description="Enumerate the stereoisomers of candidates with undefined stereo, at most so many of each, and predict each on its own.",
    )
    exclude_known: bool = Field(
        True,
        description="Leave out what the candidate library knows, so that no molecule is proposed twice; without, such molecules are "
        "flagged (proposed_before).",
    )
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] | Literal["date"] = Field(
        0,
        description='The same seed gives the same molecules; "date" takes the scheduled day\'s number: other molecules every night.',
    )


class ScreenConfig(Settings):
    """Settings of a screening: where the library is, and how it is read. What is wanted stands in the table [generate].

    ```toml
    [screen]
    library = "catalogue.sdf.gz"
    keep = 10000
    ```
    """

    library: str = Field(
        min_length=1,
        description="The molecules to choose from: a file (csv, tsv, smi, txt, sdf, parquet, each also .gz; xlsx), a URL, or a name "
        "from `chem-vae datasets`.",
    )
    smiles_column: str | None = Field(
        None, description="The library's column of SMILES; found by its name when not given."
    )
    header: bool | None = Field(
        None, description="Whether the first line of a text file is a header; found out when not given."
    )
    delimiter: str | None = Field(
        None, description="What stands between the cells of a text file; found by the first rows when not given."
    )
    encoding: str | None = Field(None, description="The encoding of a text file; found out when not given.")
    sheet: str | None = Field(
        None, description="The sheet of a workbook (.xlsx); the first that holds molecules when not given."
    )
    limit: int | None = Field(None, ge=1, description="Read at most so many rows of the library.")
    keep: int = Field(
        5000,
        ge=1,
        description="How many of the best molecules are kept while the library is read; the batch is chosen among them. More "
        "of them take more memory, and leave more to choose from where many are alike.",
    )
    chunk_rows: int = Field(2000, ge=1, description="Rows that a process works on at a time.")
    workers: int | None = Field(None, ge=1, description="Processes; all cores when not given.")

    @field_serializer("library", when_used="json")
    def _without_secrets(self, library: str) -> str:
        """Leave credentials and signed queries of a URL out of manifests, config.json and Prefect's parameters."""
        return redact(library)
