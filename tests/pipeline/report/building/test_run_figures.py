"""The values of the properties."""

from __future__ import annotations

import pandas as pd

from pipeline.models.trained_model import TrainedModel
from pipeline.report.building.run_figures import collect_distributions


def test_of_an_oracles_endpoint_that_the_model_knows_the_oracles_values_are_shown(model: TrainedModel) -> None:
    calls = pd.DataFrame({"assay_computed": [1.0, 2.0, None]})
    best = pd.DataFrame({"assay_computed": [2.0], "assay_predicted": [7.0], "logp_computed": [1.5]})
    shown = {entry.property: entry for entry in collect_distributions([], best, calls, model, None, ("assay", "logp"))}
    assert (shown["assay"].basis, shown["assay"].candidates) == ("by your oracle", [2.0])
    assert shown["assay"].samples == [1.0, 2.0]
    assert shown["logp"].basis == "computed", "an endpoint that nothing was asked of"
    usual = {entry.property: entry for entry in collect_distributions([], best, calls, model, None)}
    assert (usual["assay"].basis, usual["assay"].candidates) == ("predicted", [7.0])
