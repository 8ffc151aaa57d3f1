"""Settings of an optimization: the TOML table [optimize], or the same in Python."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from chem_vae.config import MOST_SEED
from chem_vae.search_config import SearchConfig
from pipeline.chemistry.config import ScaffoldConfig
from pipeline.objectives.config import AllowUnusual, ConstraintList, Objective
from pipeline.oracles.config import OracleConfig
from pipeline.workspace.settings import Settings

STOPPED = "stopped by Ctrl-C"
"""How the reason begins for which a search ended that a person stopped."""


class OptimizeConfig(Settings):
    """Settings of a search for the best molecules with a model, an oracle and a number of oracle calls.

    ```toml
    [optimize]
    oracle_calls = 1000
    strategy = "adaptive"
    [optimize.oracle]
    function = "my_docking:dock"
    [optimize.objectives]
    score = { transform = "reverse_sigmoid", low = -11.0, high = -7.0 }
    qed = { maximize = true }
    [[optimize.constraints]]
    must_not_contain = "[N+](=O)[O-]"
    ```
    """

    oracle: OracleConfig | None = Field(
        None, description="The oracle that scores; the computed properties of the objectives when not given."
    )
    oracle_calls: int = Field(
        1000, description="Molecules that the oracle may be asked about, in all; it never answers more, nor one twice."
    )
    objectives: dict[str, Objective] = Field(
        {},
        description="Objectives by endpoint of the oracle or computed property; each endpoint as high as possible when none.",
    )
    aggregate: Literal["geometric", "arithmetic", "pareto"] = Field(
        "geometric",
        description="How several objectives become one: the geometric or the arithmetic mean of their desirabilities, or "
        "pareto, the front of two or three.",
    )
    constraints: ConstraintList = ()
    scaffold: ScaffoldConfig | None = Field(
        None, description="The structure that every molecule keeps; any structure when not given."
    )
    usual_size: bool = Field(
        True,
        description="Hold molecules to the sizes that 98 % of the model's training molecules have (molecular weight and heavy atoms, "
        "widened by the seeds), where an oracle scores that is not a computed property: many scores rise with the size alone. A "
        "constraint of your own on mw or heavy_atoms replaces it.",
    )
    strategy: str = Field(
        "adaptive",
        description="adaptive also moves the model towards what scored well, and was ahead of the others from 100 "
        "calls to 10,000; genetic; gradient, on the model's predictors; conditional; random, to compare with.",
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        description="The molecules of a round; a hundredth of the calls, 10 to 100, when not given, and as many as the oracle takes at once "
        "(parallel) where that is more.",
    )
    start: Literal["prior", "data", "best"] = Field(
        "prior",
        description="What to begin with. prior: molecules of the model; data: training molecules, drawn by chance; best: the oracle "
        "is asked first about those of the model's dataset that do best by the columns that the objectives name, a hundred at most.",
    )
    seeds: tuple[str, ...] = Field((), description="SMILES to start from; the oracle is asked about them first.")
    n: int = Field(100, ge=1, description="How many candidates to report.")
    per_scaffold: int = Field(10, ge=1, description="The most candidates with the same scaffold.")
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after so many calls that did not better the mean of the best ten, or a Pareto front's hypervolume.",
    )
    minutes: float | None = Field(
        None,
        gt=0,
        description="Stop after so many minutes, those before a kill included; a batch that the oracle has begun is waited for.",
    )
    enough: int | None = Field(None, ge=1, description="Stop with so many molecules that meet every objective.")
    temperature: float = Field(
        1.0, gt=0, le=5, description="The temperature of the decoder's symbols; higher is more varied."
    )
    elements: tuple[str, ...] | None = Field(
        None,
        description="The elements that atoms may be changed to; those of the model's molecules and of the seeds when not given.",
    )
    allow_unusual: AllowUnusual = ()
    odd_structures: bool = Field(False, description='The same as allow_unusual = ["all"], by its older name.')
    max_heavy_atoms: int | None = Field(
        None,
        ge=4,
        le=200,
        description="The most heavy atoms of a varied structure; a quarter more than the model's largest when not given.",
    )
    search: SearchConfig = Field(SearchConfig(), description="How the strategies search.")
    exclude_known: bool = Field(
        True,
        description="Leave out what the candidate library knows, so that no molecule is proposed twice; the search may pass through it.",
    )
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] | Literal["date"] = Field(
        0,
        description='The same seed gives the same molecules; "date" takes the scheduled day\'s number: other molecules every night.',
    )

    @model_validator(mode="after")
    def _check_that_molecules_are_scored(self) -> Self:
        if self.oracle is None and not self.objectives:
            raise ValueError("say what is wanted (objectives) or who scores (oracle)")
        if self.aggregate == "pareto" and self.oracle is None and not 2 <= len(self.objectives) <= 3:
            raise ValueError("a Pareto front takes two or three objectives")
        return self

    @property
    def allowed_names(self) -> tuple[str, ...]:
        """The names of unusual structures that are allowed; ("all",) for everything."""
        return ("all",) if self.odd_structures else self.allow_unusual

    @property
    def round_size(self) -> int:
        """The number of molecules in a round."""
        at_once = 1 if self.oracle is None else min(self.oracle.parallel, self.oracle_calls)
        return self.batch_size or max(10, min(100, self.oracle_calls // 100), at_once)
