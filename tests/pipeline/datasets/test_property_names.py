from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.datasets.property_names import explain_forgotten, resolve_properties
from pipeline.workspace.name_splitting import join_names

HEADER = 'smiles,sol(pH=7.4),IC50 [nM],pH=7,"IC50, nM",a=b'


def read_config(*properties: str, folder: Path) -> IngestConfig:
    path = folder / "a.csv"
    rows = "".join(f"CC{'C' * i}O,{i}.5,{i},{i},{i},{i}\n" for i in range(1, 40))
    path.write_text(f"{HEADER}\n{rows}", encoding="utf-8")
    return IngestConfig.model_validate({"source": str(path), "properties": list(properties)})


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [
        ("sol(pH=7.4)", "sol(pH=7.4)", ""),
        ("sol(pH=7.4)=uM", "sol(pH=7.4)", "uM"),
        ("IC50 [nM]", "IC50 [nM]", ""),
        ("IC50 [nM]=nM", "IC50 [nM]", "nM"),
        ("pH=7", "pH=7", ""),
        ("pH=7=h", "pH=7", "h"),
        ("a=b", "a=b", ""),
        ("IC50, nM", "IC50, nM", ""),
        ("a=b=c=d", "a=b", "c=d"),
        ("unknown=nM", "unknown", "nM"),
    ],
)
def test_a_column_is_named_as_it_stands(tmp_path: Path, text: str, name: str, unit: str) -> None:
    config = read_config(text, folder=tmp_path)
    (found,) = resolve_properties(config, Path(config.source)).properties
    assert (found.name, found.unit) == (name, unit)


def test_a_name_with_an_equals_sign_is_learned(tmp_path: Path) -> None:
    config = read_config("sol(pH=7.4)", "pH=7", folder=tmp_path).model_copy(update={"compute": (), "merges": 5})
    dataset = ingest(config, tmp_path)
    assert [p.name for p in dataset.properties] == ["sol(pH=7.4)", "pH=7"]
    assert dataset.table(["sol(pH=7.4)"])["sol(pH=7.4)"].notna().all()


def test_a_forgotten_property_is_answered_with_the_option() -> None:
    columns = ["pIC50", "IC50 [nM]"]
    assert explain_forgotten("pIC50", columns).endswith("add --property pIC50")
    assert explain_forgotten("pic50", columns).endswith("add --property pIC50")
    assert explain_forgotten("ic50[nM]", columns).endswith(
        "spelled 'IC50 [nM]', but not one that is learned; add --property 'IC50 [nM]'"
    )
    assert explain_forgotten("logD", columns) == ""


def test_names_with_commas_are_joined_where_they_are_known() -> None:
    assert list(join_names(["IC50", "nM", "qed"], {"IC50, nM", "qed"})) == ["IC50, nM", "qed"]
    assert list(join_names(["a", "b"], {"a,b"})) == ["a,b"]
    assert list(join_names(["a", "b"], {"a", "b"})) == ["a", "b"]
    assert list(join_names([], {"a"})) == []
