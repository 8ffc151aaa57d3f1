"""Tables of molecules in every file format."""

from __future__ import annotations

from pathlib import Path

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.chemistry.output.drawings import draw_grid
from pipeline.chemistry.output.saving import make_captions, save
from pipeline.models.trained_model import TrainedModel


def test_tables_are_written_in_every_form(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    frame = mg.interpolate(model, sample_smiles[0], sample_smiles[7], steps=4)
    captions = make_captions(frame, ["t", "logp_computed", "absent"])
    assert captions[0].startswith("t 0  logp ")
    for name in ("path.csv", "path.sdf", "path.smi", "path.png", "path.svg"):
        assert save(frame, tmp_path / name, captions).stat().st_size > 50
    alone = (tmp_path / "path.svg").read_text()
    frame.attrs["given"] = sample_smiles[0]
    assert len(save(frame, tmp_path / "path.svg", captions).read_text()) > len(alone)  # one molecule more is drawn
    assert len((tmp_path / "path.smi").read_text().splitlines()) == frame["smiles"].notna().sum()
    assert draw_grid(["CCO", None], ["ethanol", "nothing"], tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")
    assert [p for p in tmp_path.iterdir() if "partial" in p.name] == []
    with pytest.raises(UserError, match="must end in"):
        save(frame, tmp_path / "path.docx")
