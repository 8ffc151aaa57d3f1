"""Chemistry and files: everything that a flow, the command line or a notebook asks for.

import pipeline as mg
model = mg.load_model("workspace/runs/20260101-020000-nightly")
found = mg.generate(model, target={"logp": 2.5, "qed": 0.9}, n=100, seed=0)
found.to_frame().query("novel").nlargest(20, "score")
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_PUBLIC = {
    "ingest": "pipeline.datasets.ingest",
    "train": "pipeline.training.train",
    "generate": "pipeline.generation.generate",
    "optimize": "pipeline.workflows.optimize_function",
    "Optimization": "pipeline.optimization.result",
    "improve": "pipeline.optimization.lead",
    "campaign": "pipeline.workflows.campaign",
    "load_model": "pipeline.models.trained_model",
    "load_config": "pipeline.config",
    "Dataset": "pipeline.datasets.dataset",
    "TrainedModel": "pipeline.models.trained_model",
    "GenerationReport": "pipeline.generation.generate",
    "Run": "pipeline.workspace.runs",
    "list_runs": "pipeline.workspace.runs",
    "list_datasets": "pipeline.workspace.registry",
    "reconstruct": "pipeline.explore.reconstruction",
    "robustness": "pipeline.explore.reconstruction",
    "interpolate": "pipeline.explore.interpolation",
    "neighbors": "pipeline.explore.neighbors",
    "analogues": "pipeline.explore.neighbors",
    "anomaly": "pipeline.explore.anomaly",
    "AnomalyScorer": "pipeline.explore.anomaly",
    "latent_map": "pipeline.explore.maps",
    "traverse": "pipeline.explore.dimensions",
    "disentangle": "pipeline.explore.dimensions",
    "calibration": "pipeline.explore.calibration",
    "tune": "pipeline.training.tune",
}
__all__ = list(_PUBLIC)


class _Package(ModuleType):
    """Loads the public names at first use; `pipeline.generation.generate` stays the function once its module is loaded."""

    def __getattr__(self, name: str) -> Any:
        if name in _PUBLIC:
            value = getattr(import_module(_PUBLIC[name]), name)
            setattr(self, name, value)
            return value
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}; it has {', '.join(_PUBLIC)}")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _PUBLIC.get(name) == value.__name__:
            value = getattr(value, name)  # the import system is about to put a submodule over its function
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_PUBLIC})


sys.modules[__name__].__class__ = _Package
