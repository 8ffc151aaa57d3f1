"""Rare targets and combinations are said beforehand, with the share of the draws to expect and what to loosen."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest

from chem_vae.errors import ChemVAEWarning
from pipeline.generation.config import GenerateConfig
from pipeline.generation.generate import generate
from pipeline.generation.sampling.rare_targets import Expectation, Wish, _advise, list_wishes, warn_of_rare_targets
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.config import Constraint, Objective
from pipeline.objectives.resolve import resolve


def warn(model: TrainedModel, config: GenerateConfig) -> tuple[list[str], Expectation | None]:
    objectives, _ = resolve(config.objectives, model.properties)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChemVAEWarning)
        return warn_of_rare_targets(model, objectives, config)


def test_what_is_common_is_not_warned_of(model: TrainedModel) -> None:
    middle = model.properties[0].quantiles["0.5"]
    config = GenerateConfig(objectives={"logp": Objective(target=middle)}, strategy="conditional")
    assert warn(model, config) == ([], None)
    assert warn(model, GenerateConfig(strategy="conditional")) == ([], None)


def test_each_in_range_but_rare_together(model: TrainedModel) -> None:
    known = model.list_known_values()
    logp, mw = known["logp"].double().numpy(), known["mw"].double().numpy()
    low, heavy = np.quantile(logp, 0.02), np.quantile(mw, 0.98)
    together = int(((logp <= low) & (mw >= heavy)).sum())
    assert together < 0.005 * len(mw)
    limits = (Constraint(property="logp", at_most=low), Constraint(property="mw", at_least=heavy))
    told, expected = warn(model, GenerateConfig(constraints=limits, strategy="conditional", n=10))
    assert expected is not None and expected.draws == 300 and len(told) == 1
    parts = re.findall(r"\d+\.\d\d%", told[0])[:4]
    assert f"{together} of {len(mw):,} training molecules" in told[0] and "by themselves" in told[0]
    assert parts[1:3] == [f"{(logp <= low).mean():.2%}", f"{(mw >= heavy).mean():.2%}"]
    assert parts[3] == f"{(logp <= low).mean() * (mw >= heavy).mean():.2%}"


def test_a_value_beyond_the_data_is_tried(model: TrainedModel) -> None:
    far = float(model.list_known_values()["logp"].max()) + 5.0
    told, expected = warn(model, GenerateConfig(objectives={"logp": Objective(target=far)}, strategy="conditional"))
    assert expected is not None and expected.hits == 0 and f"none of {expected.draws} draws of a trial" in told[0]


def test_a_structure_and_a_number_that_the_model_does_not_keep(model: TrainedModel) -> None:
    rare = (Constraint(must_contain="C#CC#CC#C"), Constraint(property="hba", at_least=3))
    told, expected = warn(model, GenerateConfig(constraints=rare, strategy="conditional"))
    assert expected is None and "contains C#CC#CC#C and hba at least 3: 0 of " in told[0]
    counted = warn(
        model, GenerateConfig(constraints=(Constraint(property="heavy_atoms", at_most=3),), strategy="conditional")
    )
    assert counted[1] is not None and "heavy_atoms at most 3: 0 of" in counted[0][0]


def test_limits_of_one_property_are_one_wish() -> None:
    both = (Constraint(property="mw", at_least=300), Constraint(property="mw", at_most=450))
    (wish,) = list_wishes([], both, {"mw": 30.0})
    assert (wish.low, wish.high, wish.spread) == (300, 450, 30.0)
    assert wish.loosen(7.3) == "--within mw=292.7:457.3"
    target = Wish("logp", "logp", 2.0, 3.0, 2.5)
    assert target.loosen(0.123) == "--tolerance logp=0.63 (now 0.5)"


def test_the_advice_keeps_its_word() -> None:
    """The advised wish, loosened as advised, accepts the share that is said, and no other one doubles the hits for less."""
    random = np.random.default_rng(0)
    values = random.normal(size=(2, 300)) * np.array([[1.0], [10.0]])
    wishes = [Wish("a", "a", 1.5, 2.5, 2.0, spread=1.0), Wish("b", "b", 15.0, 25.0, 20.0, spread=10.0)]
    gaps = np.stack([w.measure_gaps(v) for w, v in zip(wishes, values, strict=True)])
    hits = int((gaps == 0).all(axis=0).sum())
    (told,) = _advise(wishes, gaps, hits, 300)
    found = re.fullmatch(r"--tolerance (\w)=([\d.]+) \(now .*\) would accept about ([\d.]+)% of the draws", told)
    assert found is not None
    i, width = "ab".index(found[1]), float(found[2])
    inside = np.abs(values[i] - (2.0, 20.0)[i]) <= width
    assert float(found[3]) == pytest.approx(100 * float((inside & (gaps[1 - i] == 0)).mean()), abs=0.06)
    assert (inside & (gaps[1 - i] == 0)).sum() >= max(2 * hits, 6)


def test_the_expectation_in_words() -> None:
    config = GenerateConfig(n=100)
    assert Expectation(12, 300).describe(config).endswith("about 2,500 draws for 100")
    assert "about 320 of 1,000 in the 8,000 draws" in Expectation(12, 300).describe(
        GenerateConfig(n=1000, samples=8000)
    )
    assert "fewer than one of 100 draws" in Expectation(0, 300).describe(config)


@pytest.mark.slow
@pytest.mark.parametrize("targets", [{"logp": 4.5, "tpsa": 100.0}, {"sa": 4.2}, {"mw": 345.0, "logp": 0.0}])
def test_the_promise_is_kept_by_the_shipped_model(targets: dict[str, float]) -> None:
    """The share that comes lies within three standard errors of the promised one, a quarter of it beside (draws repeat themselves)."""
    model = load_model("moses")
    found = generate(model, targets, n=30, samples=600, seed=11)
    said = next(w for w in found.warnings if "of the draws were expected" in w)
    share, error = (float(v) / 100 for v in re.match(r"([\d.]+)% ± ([\d.]+)%", said).groups())  # type: ignore[union-attr]
    came = found.counts["usual"] / found.counts["requested"]
    noise = math.sqrt(came * (1 - came) / found.counts["requested"])
    assert abs(share - came) <= 3 * math.hypot(error, noise) + 0.25 * share
