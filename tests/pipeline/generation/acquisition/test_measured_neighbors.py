"""The nearest measured molecule of a candidate: its row, what was measured, and the user's own columns."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.output.differences import find_different_atoms
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.generation.acquisition.measured_neighbors import _write_label, add_measured_neighbors
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary
from pipeline.objectives.resolve import resolve
from pipeline.report.candidate_table import make_rows


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    rows = [f"CPD-{n},{'C' * n}O,{5 + n / 10},blue" for n in range(1, 11)]
    rows += ["CPD-11,c1ccccc1CCN,>7.5,red", "CPD-12,c1ccccc1CCO,,green"]
    file = tmp_path_factory.mktemp("measured") / "assay.csv"
    file.write_text("id,smiles,pIC50,batch\n" + "\n".join(rows) + "\n")
    config = IngestConfig(source=str(file), properties=("pIC50",), compute=(), merges=0, workers=1)
    return ingest(config, file.parent)


def find(dataset: Dataset | None, smiles: list[str]) -> pd.DataFrame:
    known = PropertySummary.from_values("pIC50", "pIC50", "", "measured", pd.Series([5.0, 5.5, 6.0]).to_numpy())
    objectives, _ = resolve({"pIC50": Objective(maximize=True)}, [known])
    return add_measured_neighbors(pd.DataFrame({"molecule": [Molecule(s) for s in smiles]}), dataset, objectives)


@pytest.mark.filterwarnings("ignore::chem_vae.errors.ChemVAEWarning")
def test_the_neighbor_has_its_row_its_value_and_the_users_columns(measured: Dataset) -> None:
    found = find(measured, ["CCCCCCO", "c1ccccc1CCNC"])
    assert found["nearest_measured_smiles"].tolist()[1] == "NCCc1ccccc1", "CPD-12 was not measured"
    assert found["nearest_measured_pIC50"].tolist() == ["5.6", ">7.5"], "a bound is a measurement too"
    assert (
        found["nearest_measured_id"].tolist() == ["CPD-6", "CPD-11"]
        and found["nearest_measured_batch"].tolist()[1] == "red"
    )
    assert found["nearest_measured_similarity"].tolist()[0] == 1.0 and all(
        "row" in text for text in found["nearest_measured_row"]
    )
    assert list(find(None, ["CCO"]).columns) == ["molecule"], "nothing is said without the data"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04567, "0.04567"), (1234.5, "1234.5"), (98.76, "98.76"), (2.4e-05, "2.4e-05"), (8191234.0, "8191234")],
)
def test_a_measured_value_is_written_as_the_data_has_it(value: float, text: str) -> None:
    assert _write_label({"x": value}, "x") == text and float(text) == value
    assert _write_label({"x_lower": value}, "x") == f">{text}"
    assert _write_label({"x_lower": value, "x_upper": 1e7}, "x") == f"{text} to 10000000"


@pytest.mark.filterwarnings("ignore::chem_vae.errors.ChemVAEWarning")
def test_the_page_shows_the_neighbor_with_its_differing_atoms(measured: Dataset) -> None:
    frame = find(measured, ["c1ccccc1CCNC"]).assign(smiles="CNCCc1ccccc1", score=1.0)
    (row,) = make_rows(frame, [])
    assert row["measured"]["facts"] == [("pIC50", ">7.5"), ("id", "CPD-11"), ("batch", "red")]
    assert row["measured"]["smiles"] == "NCCc1ccccc1" and str(row["measured"]["drawing"]).startswith("<svg")
    (bare,) = make_rows(frame[["smiles", "score"]], [])
    assert bare["measured"] is None


def test_atoms_outside_of_the_common_structure_differ() -> None:
    assert find_different_atoms("Clc1ccccc1", "c1ccccc1") == [0]
    assert find_different_atoms("c1ccccc1", "Clc1ccccc1") == [] == find_different_atoms("CCO", None)
    assert find_different_atoms("[Na]", "CCO") == [], "nothing in common: all would be marked"
