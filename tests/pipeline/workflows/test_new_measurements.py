"""New measurements join the old ones with their bounds, spreads and logarithms, and what is known is passed over."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chem_vae.errors import UserError
from chem_vae.progress import silent
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.datasets.labels.label_checks import read_labels as find_labels
from pipeline.workflows.new_measurements import (
    has_labels,
    merge_measurements,
    read_labels,
    read_measurements,
    refuse_mixed,
    select_new,
)

MOLECULES = [f"{'C' * n}{tail}" for n in range(3, 12) for tail in ("O", "N", "S")]


def make(tmp_path: Path, header: str, cells: list[str], **settings: Any) -> tuple[IngestConfig, Dataset]:
    path = tmp_path / "first.csv"
    rows = zip(MOLECULES, cells, strict=False)
    path.write_text(f"smiles;{header}\n" + "".join(f"{smiles};{cell}\n" for smiles, cell in rows), encoding="utf-8")
    config = IngestConfig.model_validate({"source": str(path), "compute": ["mw"], "merges": 0, **settings})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return config, ingest(config, tmp_path)


def go_on(tmp_path: Path, config: IngestConfig, dataset: Dataset, text: str) -> tuple[int, Dataset, Dataset]:
    """Return the number of new measurements, the new file's dataset and the merged one."""
    path = tmp_path / "second.csv"
    path.write_text(text, encoding="utf-8")
    measured = [p for p in dataset.properties if p.kind == "measured"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fresh, names = read_measurements(config, measured, str(path), None, tmp_path, silent)
        refuse_mixed(dataset, fresh, names)
        new = select_new(dataset, read_labels(fresh, names, "smiles"))
        count = int(has_labels(new, names).any(axis=1).sum())
        return count, fresh, ingest(merge_measurements(config, dataset, new, tmp_path, fresh), tmp_path)


def test_bounds_and_decimal_commas_of_a_further_round_are_kept(tmp_path: Path) -> None:
    config, dataset = make(
        tmp_path, "pIC50", [f"{5 + i / 8:.3f}" for i in range(20)] + [">9", "<4"], properties=["pIC50"]
    )
    lines = [
        f"{MOLECULES[0]};7,5",
        f"{MOLECULES[1]};>9",
        f"{MOLECULES[22]};>9",
        f"{MOLECULES[23]};6,25",
        f"{MOLECULES[20]};>9",
    ]
    count, fresh, merged = go_on(tmp_path, config, dataset, "smiles;pIC50\n" + "\n".join(lines) + "\n")
    assert fresh.counts["accepted"] == 5
    assert count == 3, "a bound adds nothing to an exact value or to the same bound"
    table = read_labels(merged, ["pIC50"], "smiles").set_index("smiles")
    assert table.loc[MOLECULES[0], "pIC50"] == 7.5 and table.loc[MOLECULES[23], "pIC50"] == 6.25
    assert table.loc[MOLECULES[1], "pIC50"] == 5.125 and np.isnan(table.loc[MOLECULES[1], "pIC50_lower"])
    assert table.loc[MOLECULES[20], "pIC50_lower"] == table.loc[MOLECULES[22], "pIC50_lower"] == 9
    assert table.loc[MOLECULES[21], "pIC50_upper"] == 4
    assert merged.labels["pIC50"]["bounds"] == 3


@pytest.mark.parametrize("header", ["IC50", "pIC50"])
def test_a_logarithm_is_read_from_its_raw_column_or_its_own(tmp_path: Path, header: str) -> None:
    cells = [f"{10 * (i + 1)}" for i in range(18)] + [">10000"]
    config, dataset = make(tmp_path, "IC50", cells, properties=[{"name": "IC50", "unit": "nM", "log": True}])
    cell = "100" if header == "IC50" else "7"
    count, _, merged = go_on(tmp_path, config, dataset, f"smiles;{header}\n{MOLECULES[19]};{cell}\n{MOLECULES[20]};x\n")
    assert count == 1
    table = read_labels(merged, ["pIC50"], "smiles").set_index("smiles")
    assert table.loc[MOLECULES[19], "pIC50"] == pytest.approx(7.0)
    assert table.loc[MOLECULES[0], "pIC50"] == pytest.approx(8.0)
    assert table.loc[MOLECULES[18], "pIC50_upper"] == pytest.approx(5.0)
    (p,) = (p for p in merged.properties if p.kind == "measured")
    assert p.log is not None and p.log.to_raw(7.0) == pytest.approx(100)


def test_rows_are_named_by_the_users_files_and_own_columns_travel_along(tmp_path: Path) -> None:
    cells = [f"{5 + i / 8:.3f};0{i:03d};{i}" for i in range(18)]
    config, dataset = make(tmp_path, "pIC50;id;row", cells, properties=["pIC50"])
    text = f"smiles;pIC50;id;batch\n{MOLECULES[3]};7,5;;B1\nnonsense;1;0200;B1\n{MOLECULES[20]};8;0201;B2\n"
    _, _, merged = go_on(tmp_path, config, dataset, text)
    table = merged.table().set_index("smiles")
    assert set(merged.own_columns) == {"id", "row.source", "batch"}
    assert table.loc[MOLECULES[0], "row_of_source"] == "first.csv row 2"
    assert table.loc[MOLECULES[3], "row_of_source"] == "second.csv row 2", "the row that its value is from"
    assert table.loc[MOLECULES[20], "row_of_source"] == "second.csv row 4"
    assert table.loc[MOLECULES[3], ["id", "batch", "row.source"]].tolist() == ["0003", "B1", "3"]
    assert table.loc[MOLECULES[20], "id"] == "0201" and table.loc[MOLECULES[20], "pIC50"] == 8
    assert merged.counts["duplicates"] == 0 and table.loc[MOLECULES[3], "pIC50"] == 7.5
    (labels,) = find_labels(merged)
    assert "second.csv row 4 0201 (8)" in labels.name_rows(labels.values == 8)
    _, _, third = go_on(tmp_path, config, merged, f"smiles;pIC50\n{MOLECULES[22]};9\n")
    rows = third.table(["smiles", "row_of_source", "id"]).set_index("smiles")
    assert rows.loc[MOLECULES[0]].tolist() == ["first.csv row 2", "0000"]
    assert rows.loc[MOLECULES[22], "row_of_source"] == "second.csv row 2"


def test_a_file_without_the_measured_column(tmp_path: Path) -> None:
    config, dataset = make(tmp_path, "IC50", [str(10 + i) for i in range(20)], properties=["IC50"])
    with pytest.raises(UserError, match="none of the measured columns IC50 .*: chem-vae run --data .* --property NAME"):
        go_on(tmp_path, config, dataset, f"smiles;other\n{MOLECULES[0]};1\n")


def test_the_rows_that_count_are_chosen_in_every_round(tmp_path: Path) -> None:
    cells = [f"EGFR;{5 + i / 8:.3f}" for i in range(18)] + ["HER2;9", "HER2;9"]
    config, dataset = make(tmp_path, "target;pIC50", cells, properties=["pIC50"], where=["target=EGFR"])
    text = f"smiles,target,pIC50\n{MOLECULES[0]},EGFR,6\n{MOLECULES[0]},HER2,11\n{MOLECULES[25]},HER2,12\n"
    count, _, merged = go_on(tmp_path, config, dataset, text)
    table = read_labels(merged, ["pIC50"], "smiles").set_index("smiles")
    assert count == 1 and table.loc[MOLECULES[0], "pIC50"] == 6 and table["pIC50"].max() < 9
    again = f"smiles,target,pIC50\n{MOLECULES[2]},HER2,12\n{MOLECULES[3]},EGFR,7\n"
    measured = [p for p in merged.properties if p.kind == "measured"]
    second = merge_measurements(config, dataset, read_labels(merged, ["pIC50"], "smiles"), tmp_path)
    (tmp_path / "third.csv").write_text(again)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fresh, names = read_measurements(second, measured, str(tmp_path / "third.csv"), None, tmp_path, silent)
    assert second.where == ("target=EGFR",)
    assert read_labels(fresh, names, "smiles").set_index("smiles")["pIC50"].dropna().to_dict() == {MOLECULES[3]: 7}


def test_a_condition_on_units_does_not_convert_the_merged_values(tmp_path: Path) -> None:
    cells = [f"nM;{1000 * (i + 1)}" for i in range(18)] + ["uM;9"]
    properties = [{"name": "IC50", "unit": "uM"}]
    config, dataset = make(tmp_path, "IC50 Units;IC50", cells, properties=properties, where=["IC50 Units=nM"])
    text = f"smiles,IC50 Units,IC50\n{MOLECULES[25]},nM,5000\n{MOLECULES[26]},uM,7\n"
    count, _, merged = go_on(tmp_path, config, dataset, text)
    table = read_labels(merged, ["IC50"], "smiles").set_index("smiles")["IC50"]
    assert count == 1 and table[MOLECULES[0]] == 1 and table[MOLECULES[25]] == 5


def test_a_round_of_one_class_alone_keeps_its_meaning(tmp_path: Path) -> None:
    config, dataset = make(tmp_path, "result", ["toxic", "non-toxic"] * 10, properties=["result"])
    for first, (word, number) in zip((20, 22), (("non-toxic", 0), ("Toxic", 1)), strict=True):
        text = f"smiles,result\n{MOLECULES[first]},{word}\n{MOLECULES[first + 1]},{word}\n"
        count, _, merged = go_on(tmp_path, config, dataset, text)
        labels = read_labels(merged, ["result"], "smiles").set_index("smiles")["result"]
        assert count == 2 and labels[MOLECULES[first]] == labels[MOLECULES[first + 1]] == number
        assert labels[MOLECULES[0]] == 1 and labels[MOLECULES[1]] == 0
        (p,) = (p for p in merged.properties if p.kind == "measured")
        assert p.classes == ("toxic", "non-toxic"), "the next round reads them, too"
        dataset = merged


def test_words_do_not_join_numbers_nor_numbers_words(tmp_path: Path) -> None:
    config, dataset = make(tmp_path, "pIC50", [f"{5 + i / 8:.3f}" for i in range(20)], properties=["pIC50"])
    with pytest.raises(UserError, match="learned numbers, and these words cannot join"):
        go_on(tmp_path, config, dataset, f"smiles,pIC50\n{MOLECULES[20]},active\n{MOLECULES[21]},inactive\n")
    config, dataset = make(tmp_path, "result", ["active", "inactive"] * 10, properties=["result"])
    with pytest.raises(UserError, match="learned these words, and numbers cannot join"):
        go_on(tmp_path, config, dataset, f"smiles,result\n{MOLECULES[20]},6.5\n{MOLECULES[21]},7.5\n")


def test_words_join_classes_that_were_written_as_numbers(tmp_path: Path) -> None:
    config, dataset = make(tmp_path, "result", ["1", "0"] * 10, properties=["result"])
    text = f"smiles,result\n{MOLECULES[20]},active\n{MOLECULES[21]},inactive\n"
    count, _, merged = go_on(tmp_path, config, dataset, text)
    assert count == 2 and read_labels(merged, ["result"])["result"].value_counts().to_dict() == {1: 11, 0: 11}
