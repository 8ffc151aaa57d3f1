"""Words for the choice between representations of a measured property."""

from __future__ import annotations

from pipeline.models.description.predictor_wording import describe_choice


def test_an_error_of_thousands_is_written_without_powers_of_ten() -> None:
    figures = {"r2": 0.5, "rmse": 1234.56, "n": 80}
    told = describe_choice(
        {"chosen": "fingerprint", "by": "folds", "representations": {"fingerprint": figures}, "forest": figures}
    )
    assert told.count("RMSE 1,235 (80 molecules)") == 2
