"""Properties and objectives that the tests of this folder share."""

from __future__ import annotations

import numpy as np

from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary
from pipeline.objectives.resolve import resolve

LOGP = PropertySummary.from_values("logp", "logP", "", "computed", np.linspace(0, 10, 1001))


ASSAY = PropertySummary.from_values("assay", "assay", "nM", "measured", np.array([1.0, 2.0, 3.0, np.nan]))


DOCKING = {"affinity": ("Docking score", "kcal/mol")}


def wanted(**aim: object):
    return resolve({"logp": Objective(**aim)}, [LOGP])[0][0]  # type: ignore[arg-type]
