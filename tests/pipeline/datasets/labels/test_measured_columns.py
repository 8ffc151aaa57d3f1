"""Measured columns through ingest: decimal commas, units, bounds, columns beside them, logarithms, and what stops."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook
from rdkit import Chem
from rdkit.Chem import Descriptors

from chem_vae.data import TokenDataset
from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest

SMILES = [f"{'C' * (i % 12 + 1)}{'NOS'[i // 12]}" for i in range(36)]
NAN = math.nan


def make(
    folder: Path,
    cells: list[str],
    name: str = "IC50",
    extra: dict[str, list[str]] | None = None,
    before: dict[str, list[str]] | None = None,
    **more: Any,
) -> Dataset:
    """Ingest a column of cells, with others before and behind it."""
    columns = {"smiles": SMILES[: len(cells)], **(before or {}), name: cells, **(extra or {})}
    folder.mkdir(exist_ok=True)
    path = folder / "a.tsv"
    path.write_text("\n".join("\t".join(row) for row in [list(columns), *zip(*columns.values(), strict=True)]) + "\n")
    return read(path, name, **more)


def make_book(folder: Path, columns: Mapping[str, Sequence[Any]], **more: Any) -> Dataset:
    """Ingest a workbook whose cells are texts and numbers; the first column is measured."""
    book = Workbook()
    for row in [["smiles", *columns], *zip(SMILES, *columns.values(), strict=False)]:
        book.active.append(row)
    book.save(folder / "a.xlsx")
    return read(folder / "a.xlsx", next(iter(columns)), **more)


def read(path: Path, name: str, **more: Any) -> Dataset:
    more = {"properties": [{"name": name}], **more}
    settings = {"compute": (), "merges": 0, "validation_fraction": 0, "test_fraction": 0, **more}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChemVAEWarning)
        return ingest(IngestConfig.model_validate({"source": str(path), **settings}), path.parent)


def labels(dataset: Dataset, name: str = "IC50") -> list[list[float]]:
    """Return value, lower and upper bound of each molecule."""
    table = dataset.table()
    return table.reindex(columns=[name, f"{name}_lower", f"{name}_upper"]).to_numpy(float).tolist()


def values(dataset: Dataset, name: str = "IC50") -> list[float]:
    return dataset.table([name])[name].round(9).tolist()


def same(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.array(a, float), np.array(b, float), rtol=1e-9, equal_nan=True))


@pytest.mark.parametrize("rows", [3, 100])
def test_the_decision_is_the_same_in_every_shard(tmp_path: Path, rows: int) -> None:
    dataset = make(tmp_path, ["6", "7", "8", "5,31", "6", "1,234"], shard_rows=rows)
    assert values(dataset) == [6, 7, 8, 5.31, 6, 1.234]
    assert "2 numbers have a decimal comma (such as '5,31')" in " ".join(dataset.notes)


def test_an_interrupted_ingest_decides_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = ["6", "7", "1,234", "5,31", "6", "8"]

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.datasets.building.dataset_builder.place_molecules", die)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path, cells, shard_rows=2)
    assert list((tmp_path / "datasets").glob("*.partial/parts/part-00002.parquet"))
    assert values(make(tmp_path, cells, shard_rows=2)) == [6, 7, 1.234, 5.31, 6, 8]


def test_bounds_are_kept_counted_and_in_the_arrays(tmp_path: Path) -> None:
    cells = ["850", ">10,000", "<0.5", "~95", "=400", ">= 10000", "1-3", "6.1 ± 0.2", "n.d.", "", "12*", "0.8"]
    dataset = make(tmp_path, cells)
    expected = [
        [850, NAN, NAN], [NAN, 10000, NAN], [NAN, NAN, 0.5], [95, NAN, NAN], [400, NAN, NAN], [NAN, 10000, NAN], [NAN, 1, 3],
        [6.1, NAN, NAN], [NAN, NAN, NAN], [NAN, NAN, NAN], [12, NAN, NAN], [0.8, NAN, NAN],
    ]  # fmt: skip
    assert same(labels(dataset), expected)
    (entry,) = dataset.manifest["properties"]
    counts = {"exact": 5, "lower_bounds": 2, "upper_bounds": 1, "ranges": 1, "approximate": 1, "unmeasured": 2}
    assert {name: entry["labels"][name] for name in counts} == counts and entry["labels"]["words"] == {"n.d.": 1}
    tokens = TokenDataset.open(dataset.folder, split=None)
    assert same(tokens.bounds()[:, 0], np.array(expected)[:, 1:].astype(np.float32))
    assert tokens.spreads()[7, 0] == np.float32(0.2) and np.isnan(tokens.spreads()[:7]).all()
    said = " ".join(dataset.notes)
    assert (
        "4 values of 'IC50' not exact: 2 lower bounds (such as '>10,000'), 1 upper bound (such as '<0.5'), 1 range"
        in said
    )
    assert "1 value of 'IC50' only approximate (such as '~95')" in said and "'12*'" in said
    out = make(tmp_path, cells, censored="leave_out")
    assert same(labels(out), [[row[0], NAN, NAN] for row in expected]) and "IC50_lower" not in out.columns
    assert not (out.folder / "bounds.npy").exists() and np.isnan(TokenDataset.open(out.folder).bounds()).all()


UNITS = ["850 nM", "1.2 uM", "3.4 µM", "15 μM", "0.001 mM", "< 2 uM", "900pM", "400"]


def test_units_of_cells_are_converted_and_never_bare_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 number of 'IC50' without a unit \(such as '400'\).*--property \"IC50="):
        make(tmp_path, UNITS)
    nanomolar = make(tmp_path, UNITS, properties="IC50=nM")
    assert same([row[0] for row in labels(nanomolar)], [850, 1200, 3400, 15000, 1000, NAN, 0.9, 400])
    assert labels(nanomolar)[5][2] == 2000
    assert nanomolar.properties[0].unit == "nM" and "without a unit, read as nM" in " ".join(nanomolar.notes)
    most = make(tmp_path, UNITS[:-1])
    assert most.properties[0].unit == "µM" and values(most)[0] == 0.85
    header = make(tmp_path, UNITS, name="IC50 (uM)")
    assert values(header, "IC50 (uM)")[-1] == 400 and values(header, "IC50 (uM)")[0] == 0.85
    both = make(tmp_path, ["1", "2"], name="IC50 (uM)", properties="IC50 (uM)=nM")
    assert values(both, "IC50 (uM)") == [1000, 2000]


def test_units_that_cannot_be_converted_are_refused_or_left_out(tmp_path: Path) -> None:
    cells = ["850 nM", "12 nM", "45 %", "3 nM"]
    with pytest.raises(DataError, match=r"1 value of 'IC50' in % \(such as '45 %'\).*--accept-lost-labels"):
        make(tmp_path, cells)
    assert same(values(make(tmp_path, cells, accept_lost_labels=True)), [850, 12, NAN, 3])


def test_a_word_behind_a_number_is_a_unit_only_where_it_is_known_or_most_cells_have_it(tmp_path: Path) -> None:
    plain = [str(i) for i in range(1, 12)]
    dataset = make(tmp_path, [*plain, "5.1 foo bar"])
    assert same(values(dataset), [*range(1, 12), NAN]) and dataset.properties[0].unit == ""
    assert "1 cell of 'IC50' that cannot be read as a number" in " ".join(dataset.warnings)
    assert "'5.1 foo bar'" in " ".join(dataset.warnings)
    with pytest.raises(DataError, match=r"3 of 14 labels of 'IC50' cannot be read.*'5 cfu'.*--accept-lost-labels"):
        make(tmp_path, [*plain, "5 cfu", "6 weak", "7 weak"])
    beside = make(tmp_path, [*(f"{i} nM" for i in plain), "5 foo"])
    assert beside.properties[0].unit == "nM" and len(beside.warnings) >= 1 and same(values(beside)[-1], NAN)
    most = make(tmp_path, [f"{i} cfu" for i in plain])
    assert most.properties[0].unit == "cfu" and values(most) == list(range(1, 12))
    with pytest.raises(DataError, match=r"5 numbers of 'IC50' without a unit.*cfu \(6\)"):
        make(tmp_path, [*plain[:5], *(f"{i} cfu" for i in plain[5:])])


def test_a_word_that_the_user_or_the_table_says_is_a_unit(tmp_path: Path) -> None:
    cells = [*(str(i) for i in range(1, 12)), "12 cfu"]
    asked = make(tmp_path, cells, properties="IC50=cfu")
    assert asked.properties[0].unit == "cfu" and values(asked) == list(range(1, 13))
    with pytest.raises(DataError, match="11 numbers of 'count in CFU' without a unit"):
        make(tmp_path, cells, name="count in CFU")
    units = {"Standard Units": [*["nM"] * 11, "cfu"]}
    with pytest.raises(DataError, match=r"1 value of 'Standard Value' in cfu \(such as '12 cfu'\)"):
        make(tmp_path, cells, name="Standard Value", extra=units)


def test_a_mass_concentration_becomes_molar_by_the_weight_of_its_molecule(tmp_path: Path) -> None:
    dataset = make(tmp_path, ["850 nM", "12 nM", "1 ug/mL"])
    weight = 59.112  # propylamine, CCCN
    assert dataset.table()["smiles"][2] == "CCCN" and values(dataset)[2] == pytest.approx(1e6 / weight, rel=1e-4)
    assert "molecular weight" in " ".join(dataset.notes)


def export(kinds: list[str], units: list[str], relations: list[str]) -> dict[str, list[str]]:
    n = len(kinds)
    return {
        "Standard Type": kinds, "Standard Relation": relations, "Standard Units": units, "pChEMBL Value": ["6.0"] * n,
    }  # fmt: skip


def test_an_export_of_chembl(tmp_path: Path) -> None:
    cells = ["10", "2", "10000", "0.1", "900"]
    extra = export(["IC50"] * 4 + ["Ki"], ["nM", "uM", "nM", "nM", "nM"], ["'='", "'='", "'>'", "'<'", "'='"])
    with pytest.raises(
        DataError, match=r"IC50 \(4\), Ki \(1\); choose one with --where \"Standard Type=IC50\".*pChEMBL"
    ):
        make(tmp_path, cells, "Standard Value", extra)
    dataset = make(tmp_path, cells, "Standard Value", extra, where=["Standard Type=IC50"])
    expected = [[10, NAN, NAN], [2000, NAN, NAN], [NAN, 10000, NAN], [NAN, NAN, 0.1], [NAN] * 3]
    assert same(labels(dataset, "Standard Value"), expected)
    said = " ".join(dataset.notes)
    assert (
        "'Standard Relation' as its relation" in said
        and "1 value of 'Standard Value' left out, of rows without" in said
    )
    assert "--property 'pChEMBL Value'" in said
    alone = make(tmp_path, cells, "Standard Value", extra, assay_columns=False)
    assert values(alone, "Standard Value") == [10, 2, 10000, 0.1, 900]
    with pytest.raises(UserError, match="Standard Typ"):
        make(tmp_path, cells, "Standard Value", extra, where=["Standard Typ=IC50"])
    mixed = make(
        tmp_path, ["6", "6.5", "7", "5", "8"], "pChEMBL Value", {k: v for k, v in extra.items() if "pChE" not in k}
    )
    assert "mixes 2 kinds of measurements" in " ".join(mixed.warnings)


@pytest.mark.parametrize(
    ("value", "relation"),
    [("IC50", "IC50 Modifier"), ("IC50 (nM)", "IC50 qualifier"), ("IC50_nM", "IC50 operator"), ("IC50", "Relation"),
     ("standard_value", "standard_relation"), ("acvalue", "acqualifier"), ("Activity Value", "Activity Qualifier"),
     ("StandardValue", "StandardRelation"), ("Ki", "prefix")],
)  # fmt: skip
def test_modifier_columns_of_other_programs(tmp_path: Path, value: str, relation: str) -> None:
    dataset = make(tmp_path, ["10", "20", "30"], value, {relation: ["", ">", "<"]})
    assert same(labels(dataset, value), [[10, NAN, NAN], [NAN, 20, NAN], [NAN, NAN, 30]])


def test_columns_that_only_look_like_those_are_left_alone(tmp_path: Path) -> None:
    extra = {"IC50 modifier": ["x", "y", "z"], "type": ["salt", "base", "salt"], "unit": ["a1", "b2", "c3"]}
    assert values(make(tmp_path, ["10", "20", "30"], extra=extra)) == [10, 20, 30]


def test_logarithms(tmp_path: Path) -> None:
    dataset = make(tmp_path, ["10", ">1000", "1 ± 0.1", "<0.1", "1 uM"], properties="IC50=nM", log=True)
    assert same(labels(dataset, "pIC50"), [[8, NAN, NAN], [NAN, NAN, 6], [9, NAN, NAN], [NAN, 10, NAN], [6, NAN, NAN]])
    assert dataset.table()["pIC50_spread"][2] == pytest.approx(0.1 / math.log(10))
    (entry,) = dataset.properties
    assert entry.log is not None and entry.log.raw_unit == "nM" and entry.log.to_raw(8.0) == pytest.approx(10)
    assert dataset.table()["IC50"].tolist() == ["10", ">1000", "1 ± 0.1", "<0.1", "1 uM"], "the raw cells stay"
    plain = make(tmp_path, ["10", "100", "1000"], "yield", log=True)
    assert values(plain, "log yield") == [1, 2, 3]
    kept = make(tmp_path, ["6", "7", "8"], "pIC50", log=True)
    assert values(kept, "pIC50") == [6, 7, 8], "what is a logarithm stays one"


def test_logarithms_that_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"its unit is not known.*--property \"IC50=nM\" --log"):
        make(tmp_path, ["10", "20"], log=True)
    cells = ["10", "-999", "20"]
    with pytest.raises(DataError, match=r"1 value of 'IC50' zero or negative.*--leave-out 'IC50=-999'"):
        make(tmp_path, cells, properties="IC50=nM", log=True)
    dataset = make(tmp_path, cells, properties="IC50=nM", log=True, leave_out=["IC50=-999"])
    assert same(values(dataset, "pIC50"), [8, NAN, 9 - math.log10(20)])


def test_a_systematic_loss_stops(tmp_path: Path) -> None:
    good = [str(i) for i in range(1, 31)]
    few = make(tmp_path, [*good, "12/5", "1e308"])
    assert "2 cells of 'IC50' that cannot be read as a number" in " ".join(few.warnings)
    with pytest.raises(DataError, match=r"4 of 34 labels of 'IC50' cannot be read.*--accept-lost-labels"):
        make(tmp_path, [*good, "12/5", "1/2", "3/4", "5/6"])
    accepted = make(tmp_path, [*good, "12/5", "1/2", "3/4", "5/6"], accept_lost_labels=True)
    assert accepted.labels["IC50"]["exact"] == 30
    words = make(tmp_path, [*good[:10], *["n.d."] * 10, *[""] * 10])
    assert "10 cells of 'IC50' without a number" in " ".join(words.warnings), "words for missing values are no loss"


def test_a_whole_kind_of_labels_is_not_lost_even_where_they_are_few(tmp_path: Path) -> None:
    cells = [*(f"{i} " + "*" for i in range(1, 32)), ">5/6", ">6/7", ">7/8"]
    with pytest.raises(DataError, match="all 3 labels of 'IC50' with >"):
        make(tmp_path, cells)


def test_manifest_is_plain_json(tmp_path: Path) -> None:
    dataset = make(tmp_path, ["10", ">1000", "5,5"], properties="IC50=nM", log=True)
    assert Dataset.open(dataset.folder).properties == dataset.properties
    json.dumps(dataset.manifest, allow_nan=False)


@pytest.mark.parametrize("rows", [2, 100])
def test_points_that_split_thousands_do_so_also_in_plain_numbers(tmp_path: Path, rows: int) -> None:
    dataset = make(tmp_path, ["1.234", "12.500", "850", "920", "2.750"], decimal=",", shard_rows=rows)
    assert values(dataset) == [1234, 12500, 850, 920, 2750]


@pytest.mark.parametrize("rows", [2, 100])
def test_a_number_of_a_workbook_keeps_its_value_whatever_the_texts_say(tmp_path: Path, rows: int) -> None:
    columns: dict[str, list[Any]] = {
        "pIC50": [4.672, 8.237, 150, 12.5],
        "dose": ["1,100", "2,101", 4.672, 8],
        "id": [129, 1.5, 8.237, "a"],
    }
    dataset = make_book(tmp_path, columns, properties=["pIC50", "dose"], decimal=",", shard_rows=rows)
    assert values(dataset, "pIC50") == [4.672, 8.237, 150, 12.5] and values(dataset, "dose") == [1.1, 2.101, 4.672, 8]
    assert dataset.table(["id"])["id"].tolist() == ["129", "1.5", "8.237", "a"]
    assert not any("'pIC50'" in note for note in dataset.notes) and dataset.own_columns == ["id"]
    mixed = make_book(tmp_path, {"IC50": [4.67, 4.672, "1.234,5", "1.234"]}, shard_rows=rows)
    assert values(mixed) == [4.67, 4.672, 1234.5, 1234]
    assert values(make_book(tmp_path, {"IC50": [8.237, 1.234, 150, 151]}, shard_rows=rows)) == [8.237, 1.234, 150, 151]
    with pytest.raises(DataError, match="'8.237'.*--decimal"):
        make_book(tmp_path, {"IC50": ["8.237", "1.234", "150", 151]}, shard_rows=rows)


def test_a_number_of_a_parquet_file_keeps_its_value(tmp_path: Path) -> None:
    pd.DataFrame({"smiles": SMILES[:4], "IC50": [4.672, None, 150, 1e-5]}).to_parquet(tmp_path / "a.parquet")
    assert same(values(read(tmp_path / "a.parquet", "IC50", decimal=",")), [4.672, NAN, 150, 1e-5])


def test_a_part_of_texts_is_not_taken_for_one_of_numbers(tmp_path: Path) -> None:
    assert values(make(tmp_path, ["4.672", "8.237"], decimal=",")) == [4672, 8237]
    assert values(make_book(tmp_path, {"IC50": [4.672, 8.237]}, decimal=",")) == [4.672, 8.237]


def test_plain_numbers_are_converted_by_the_molecular_weight(tmp_path: Path) -> None:
    name = "MIC (ug/mL)"
    dataset = make(tmp_path, ["1", "2", "4"], name, properties=f"{name}=uM")
    weights = [Descriptors.MolWt(Chem.MolFromSmiles(s)) for s in SMILES[:3]]
    assert values(dataset, name) == pytest.approx([1000 * c / w for c, w in zip([1, 2, 4], weights, strict=True)])


def test_relations_beside_a_p_value_turn_only_where_a_raw_value_is_there(tmp_path: Path) -> None:
    relation = {"Relation": ["<", "=", "<"]}
    alone = make(tmp_path / "a", ["4", "7.1", "4"], "pIC50", extra=relation)
    assert same(labels(alone, "pIC50"), [[NAN, NAN, 4], [7.1, NAN, NAN], [NAN, NAN, 4]])
    raw = make(tmp_path / "b", ["4", "7.1", "4"], "pIC50", extra={**relation, "IC50 (nM)": ["1", "2", "3"]})
    assert same(labels(raw, "pIC50"), [[NAN, 4, NAN], [7.1, NAN, NAN], [NAN, 4, NAN]])
    assert "are those of the raw value" in " ".join(raw.notes)


def test_a_word_that_says_nothing_does_not_hide_a_column(tmp_path: Path) -> None:
    extra = {"IC50 Relation": ["=", ">", "NA", "nan"], "IC50 Units": ["nM", "nM", "-", "uM"]}
    dataset = make(tmp_path, ["1", "2", "3", "4"], properties="IC50=nM", extra=extra)
    assert same(labels(dataset), [[1, NAN, NAN], [NAN, 2, NAN], [3, NAN, NAN], [4000, NAN, NAN]])
    with pytest.raises(DataError, match="cannot be read"):
        make(tmp_path / "odd", ["1", "2"], extra={"IC50 Relation": [">", "maybe"]})


def test_columns_without_the_name_of_the_value_belong_to_the_nearest_one(tmp_path: Path) -> None:
    before = {"Relation": [">", "="], "IC50": ["1", "2"], "Relation.1": ["=", "<"]}
    dataset = make(tmp_path / "a", ["5", "6"], "Ki", extra=None, before=before, properties=["IC50", "Ki"])
    assert same(labels(dataset), [[NAN, 1, NAN], [2, NAN, NAN]])
    assert same(labels(dataset, "Ki"), [[5, NAN, NAN], [NAN, NAN, 6]])
    behind = {"Units": ["uM", "uM"], "Ki": ["5", "6"], "Units.1": ["nM", "nM"]}
    dataset = make(tmp_path / "b", ["1", "2"], extra=behind, properties=["IC50=nM", "Ki=nM"])
    assert values(dataset) == [1000, 2000] and values(dataset, "Ki") == [5, 6]
    beside = {"Relation": [">", "="], "Units": ["nM", "nM"], "LogD": ["4.0", "3.3"]}
    dataset = make(tmp_path / "c", ["1", "2"], extra=beside, properties=["IC50=nM", "LogD"])
    assert values(dataset, "LogD") == [4.0, 3.3] and same(labels(dataset), [[NAN, 1, NAN], [2, NAN, NAN]])


def test_a_property_may_be_called_like_an_id(tmp_path: Path) -> None:
    cells = [str(i) for i in range(1, 21)]
    assert values(make(tmp_path, cells, "NO inhibition"), "NO inhibition") == [float(i) for i in range(1, 21)]


def test_a_condition_compares_numbers_as_numbers(tmp_path: Path) -> None:
    plates = ["1.0", "1", "2.0", "001"] * 5
    dataset = make(tmp_path, ["5"] * 20, extra={"plate": plates}, where=["plate=1"])
    assert np.isfinite(values(dataset)).tolist() == [True, True, False, False] * 5


def test_a_condition_that_no_row_meets_is_refused(tmp_path: Path) -> None:
    plates = ["1.0"] * 12 + ["2.0"] * 8
    with pytest.raises(UserError, match=r"no row has plate=7.*plate holds '1\.0' \(12\), '2\.0' \(8\)"):
        make(tmp_path, ["5"] * 20, extra={"plate": plates}, where=["plate=7"])


def test_a_decimal_mark_is_for_columns_that_do_not_tell_it_themselves(tmp_path: Path) -> None:
    assert values(make(tmp_path, ["4.672", "5.12"] * 9, decimal=",")) == [4.672, 5.12] * 9
    assert values(make(tmp_path / "b", ["4.672", "5.127"] * 9, decimal=",")) == [4672, 5127] * 9
