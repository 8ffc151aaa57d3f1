"""The values of the properties, and what every report begins with."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from pipeline.models.trained_model import TrainedModel
from pipeline.report.building.run_figures import collect_distributions, start_report


def test_of_an_oracles_endpoint_that_the_model_knows_the_oracles_values_are_shown(model: TrainedModel) -> None:
    calls = pd.DataFrame({"assay_computed": [1.0, 2.0, None]})
    best = pd.DataFrame({"assay_computed": [2.0], "assay_predicted": [7.0], "logp_computed": [1.5]})
    shown = {entry.property: entry for entry in collect_distributions([], best, calls, model, None, ("assay", "logp"))}
    assert (shown["assay"].basis, shown["assay"].candidates) == ("by your oracle", [2.0])
    assert shown["assay"].samples == [1.0, 2.0]
    assert shown["logp"].basis == "computed", "an endpoint that nothing was asked of"
    usual = {entry.property: entry for entry in collect_distributions([], best, calls, model, None)}
    assert (usual["assay"].basis, usual["assay"].candidates) == ("predicted", [7.0])


def test_the_two_classes_of_a_property_are_told(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    two = [replace(p, classes=(0.0, 1.0)) if p.name == "assay" else p for p in model.properties]
    monkeypatch.setattr(TrainedModel, "properties", two)
    report = start_report(model, None, [], title="", run_id="", seconds={})
    assert {p.property: p.classes for p in report.predictors if p.classes} == {"assay": [0.0, 1.0]}
