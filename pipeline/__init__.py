"""Ingest data, train models, generate and optimize molecules: the library behind the flows and the command line.

import pipeline as mg
found = mg.generate("moses", target={"logp": 2.5}, maximize="qed", n=100)
found                        # a notebook draws the best of them
found.to_frame().query("novel").nlargest(20, "score")
found.save("found.sdf")
run = mg.campaign(frame, smiles="SMILES", properties="pIC50", maximize="pIC50", n=50, name="first")
mg.library().to_frame(ranges=["qed_computed>0.8"], limit=20)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers; at run time each name is loaded at first use
    from chem_vae.progress import silent as silent
    from pipeline.chemistry.output.molecule_table import MoleculeTable as MoleculeTable
    from pipeline.config import CampaignConfig as CampaignConfig
    from pipeline.config import load_config as load_config
    from pipeline.datasets.config import IngestConfig as IngestConfig
    from pipeline.datasets.config import MeasuredProperty as MeasuredProperty
    from pipeline.datasets.dataset import Dataset as Dataset
    from pipeline.explore.anomaly import AnomalyScorer as AnomalyScorer
    from pipeline.explore.anomaly import anomaly as anomaly
    from pipeline.explore.calibration import calibration as calibration
    from pipeline.explore.dimensions import disentangle as disentangle
    from pipeline.explore.dimensions import traverse as traverse
    from pipeline.explore.interpolation import interpolate as interpolate
    from pipeline.explore.maps import latent_map as latent_map
    from pipeline.explore.neighbors import analogues as analogues
    from pipeline.explore.neighbors import neighbors as neighbors
    from pipeline.explore.prediction import predict_file as predict_file
    from pipeline.explore.reconstruction import reconstruct as reconstruct
    from pipeline.explore.reconstruction import robustness as robustness
    from pipeline.explore.unusual import unusual as unusual
    from pipeline.generation.config import GenerateConfig as GenerateConfig
    from pipeline.generation.config import ScreenConfig as ScreenConfig
    from pipeline.generation.result import GenerationReport as GenerationReport
    from pipeline.interface.data import ingest as ingest
    from pipeline.interface.data import predict as predict
    from pipeline.interface.data import train as train
    from pipeline.interface.generation import generate as generate
    from pipeline.interface.generation import optimize as optimize
    from pipeline.interface.generation import screen as screen
    from pipeline.interface.runs import Run as Run
    from pipeline.interface.runs import campaign as campaign
    from pipeline.interface.runs import list_runs as list_runs
    from pipeline.library.notebook import library as library
    from pipeline.models.trained_model import TrainedModel as TrainedModel
    from pipeline.models.trained_model import load_model as load_model
    from pipeline.objectives.config import Constraint as Constraint
    from pipeline.objectives.config import Objective as Objective
    from pipeline.optimization.config import OptimizeConfig as OptimizeConfig
    from pipeline.optimization.lead import improve as improve
    from pipeline.optimization.result import Optimization as Optimization
    from pipeline.oracles.config import OracleConfig as OracleConfig
    from pipeline.training.config import TrainConfig as TrainConfig
    from pipeline.training.tuning.tune import tune as tune
    from pipeline.workspace.registry import list_datasets as list_datasets
    from pipeline.workspace.work.cluster import use_cluster as use_cluster

_MODULES = {
    "chem_vae.progress": ("silent",),
    "pipeline.chemistry.output.molecule_table": ("MoleculeTable",),
    "pipeline.config": ("CampaignConfig", "load_config"),
    "pipeline.datasets.config": ("IngestConfig", "MeasuredProperty"),
    "pipeline.datasets.dataset": ("Dataset",),
    "pipeline.explore.anomaly": ("AnomalyScorer", "anomaly"),
    "pipeline.explore.calibration": ("calibration",),
    "pipeline.explore.dimensions": ("disentangle", "traverse"),
    "pipeline.explore.interpolation": ("interpolate",),
    "pipeline.explore.maps": ("latent_map",),
    "pipeline.explore.neighbors": ("analogues", "neighbors"),
    "pipeline.explore.prediction": ("predict_file",),
    "pipeline.explore.reconstruction": ("reconstruct", "robustness"),
    "pipeline.explore.unusual": ("unusual",),
    "pipeline.generation.config": ("GenerateConfig", "ScreenConfig"),
    "pipeline.generation.result": ("GenerationReport",),
    "pipeline.interface.data": ("ingest", "predict", "train"),
    "pipeline.interface.generation": ("generate", "optimize", "screen"),
    "pipeline.interface.runs": ("Run", "campaign", "list_runs"),
    "pipeline.library.notebook": ("library",),
    "pipeline.models.trained_model": ("TrainedModel", "load_model"),
    "pipeline.objectives.config": ("Constraint", "Objective"),
    "pipeline.optimization.config": ("OptimizeConfig",),
    "pipeline.optimization.lead": ("improve",),
    "pipeline.optimization.result": ("Optimization",),
    "pipeline.oracles.config": ("OracleConfig",),
    "pipeline.training.config": ("TrainConfig",),
    "pipeline.training.tuning.tune": ("tune",),
    "pipeline.workspace.work.cluster": ("use_cluster",),
    "pipeline.workspace.registry": ("list_datasets",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Load a public name at first use (PEP 562), so that `import pipeline` loads no heavy library."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
