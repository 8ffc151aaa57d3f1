"""A model's description tells what became of the rows of its data."""

from __future__ import annotations

from typing import Any

from pipeline.models.description.model_description import describe_model, list_model_warnings

CARD: dict[str, Any] = {
    "dataset": {"name": "mine", "summary": "9 rows → 8 molecules; 1 rejected (parse 1)", "warnings": ["many rows were lost"]},
    "parameters": 1000, "training_molecules": 7, "trained_seconds": 1.0, "steps": 3, "conditions": [], "figures": {}, "predictors": [],
    "vocabulary": {"symbols": 4, "merges": 0}, "warnings": ["few molecules", "many rows were lost"],
}  # fmt: skip


def test_the_data_and_its_warnings_are_told() -> None:
    text = describe_model("m", "0123456789", CARD)
    assert "data: 9 rows → 8 molecules; 1 rejected (parse 1)" in text
    assert text.endswith("  warning: many rows were lost\n  warning: few molecules")


def test_the_card_of_an_older_version_tells_less() -> None:
    older = {**CARD, "dataset": {"name": "mine"}, "warnings": ["few molecules"]}
    assert list_model_warnings(older) == ["few molecules"]
    assert "data:" not in describe_model("m", "0123456789", older)


def test_the_figures_of_the_base_models_benchmark_are_shown() -> None:
    def share(count: int, of: int = 1000) -> dict[str, float]:
        return {"count": count, "of": of, "fraction": count / max(of, 1)}

    rows = {
        "zinc250k": {"entered": share(998), "exact": share(956)},
        "likelihood": {"all": {"nats": 28.44, "of": 1990}},
        "samples": {
            "samples": 10000, "fcd": 1.234, "unique": share(1000), "unusual": share(21), "unusual_of_data": share(30),
            "shares": {"stereo": share(600), "charge": share(0, 0)}, "shares_of_data": {"stereo": share(610), "charge": share(70)},
        },
        "conditions": {"mw 450": share(97, 100), "mw 400 and logp 3": share(88, 100)},
        "predictors": {"of": 2000, "logp": 0.98765, "qed": None},
    }  # fmt: skip
    card = {**CARD, "benchmark": {"benchmark": "druglike", "rows": {name: {"figures": f} for name, f in rows.items()}}}
    lines = [line for line in describe_model("m", "0123456789", card).splitlines() if "benchmark" in line]
    assert lines == [
        "  benchmark: held-out molecules of ZINC250k: 99.8 % can be entered, 95.6 % of these come back exactly",
        "  benchmark: -log p(x) of 1,990 held-out molecules: 28.4 nats",
        "  benchmark: 10,000 samples at temperature 1: FCD 1.23 to held-out molecules, 100.0 % unique, 2.1 % with an unusual structure "
        "(data 3.0 %), stereo in 60.0 % (data 61.0 %), charge in none (data 7.0 %)",
        "  benchmark: candidates within the tolerance of a target: mw 450 97.0 %, mw 400 and logp 3 88.0 %",
        "  benchmark: R2 of latent predictors: logp 0.988",
    ]
