"""Undefined stereocenters of samples get a configuration as often as the data define them, by the model's likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import selfies
import torch
from rdkit import Chem

from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.models.sampling import draw
from pipeline.models.stereo_choice import (
    CARD_ENTRY,
    define_stereo,
    find_share_to_define,
    has_undefined_stereo,
    measure_undefined,
)

_R, _S, _OPEN, _PLAIN = (Chem.CanonSmiles(s) for s in ("C[C@H](N)O", "C[C@@H](N)O", "CC(N)O", "CCO"))


def _card(drawn: int, data: int) -> dict[str, object]:
    return {CARD_ENTRY: {"drawn": {"count": drawn, "of": 100}, "data": {"count": data, "of": 100}}}


class _Model:
    """A stand-in for a checkpoint that says the same strings at each decoding and holds one configuration likelier."""

    def __init__(self, smiles: Sequence[str], card: dict[str, object], odds: float = 3.0) -> None:
        self.strings, self.card, self.odds = [selfies.encoder(s) for s in smiles], card, odds
        every = [selfies.encoder(s) for s in (*smiles, _R, _S)]
        self.vocabulary = SelfiesVocabulary(sorted({s for text in every for s in selfies.split_selfies(text)}))

    def decode(self, z: torch.Tensor, *_: object, **__: object) -> list[str]:
        return self.strings[: len(z)]

    def log_likelihood(self, strings: Sequence[str], conditions: torch.Tensor | None = None) -> torch.Tensor:
        likely = selfies.encoder(_R)
        return torch.tensor([float(np.log(self.odds)) if s == likely else 0.0 for s in strings])


def test_stereo_is_undefined_where_a_center_or_double_bond_has_no_configuration() -> None:
    undefined = [s for s in (_OPEN, _R, _PLAIN, "CC=CC", "C/C=C/C", "CC1CCCO1", "not one") if has_undefined_stereo(s)]
    assert undefined == [_OPEN, "CC=CC", "CC1CCCO1"]
    assert measure_undefined([_OPEN, _R]).fraction == 0.5


@pytest.mark.parametrize(
    ("drawn", "data", "share"), [(20, 5, 0.75), (20, 20, 0.0), (5, 20, 0.0), (0, 5, 0.0), (20, 0, 1.0)]
)
def test_the_share_of_the_data_remains_undefined(drawn: int, data: int, share: float) -> None:
    assert find_share_to_define(_card(drawn, data)) == pytest.approx(share)
    assert find_share_to_define({}) == 0.0


def test_configurations_are_drawn_by_their_likelihood() -> None:
    model = _Model([_OPEN], {})
    at = np.linspace(0.0, 1.0, 400, endpoint=False)
    found = define_stereo(model, [_OPEN] * 400, None, at)  # type: ignore[arg-type]
    assert found.count(selfies.encoder(_R)) == 300 and found.count(selfies.encoder(_S)) == 100
    assert define_stereo(model, [_PLAIN, _R], None, np.zeros(2)) == [None, None]  # type: ignore[arg-type]


def test_samples_without_z_keep_as_many_undefined_as_the_data_and_all_their_other_rows() -> None:
    n = 400
    model = _Model([_OPEN, _PLAIN] * (n // 2), _card(50, 20))
    nothing = torch.full((n, 4), torch.nan)
    drawn = draw(model, nothing, temperature=1.0, redraws=0)  # type: ignore[arg-type]
    smiles = [c.smiles for c in drawn.candidates]
    assert [c.row for c in drawn.candidates] == list(range(n))
    assert smiles[1::2] == [_PLAIN] * (n // 2)
    counts = [smiles.count(s) for s in (_OPEN, _R, _S)]
    assert sum(counts) == n // 2 and counts[0] == pytest.approx(80, abs=25) and counts[1] > 1.5 * counts[2] > 0
    for string, spelled, candidate in zip(drawn.strings, drawn.spellings, drawn.candidates, strict=True):
        assert string == spelled and Chem.CanonSmiles(selfies.decoder(string)) == candidate.smiles
    assert drawn.strings == draw(model, nothing, temperature=1.0, redraws=0).strings  # type: ignore[arg-type]


def test_points_of_the_latent_space_and_greedy_decoding_are_left_as_they_are() -> None:
    model = _Model([_OPEN] * 20, _card(50, 0))
    points, nothing = torch.zeros(20, 4), torch.full((20, 4), torch.nan)
    for z, temperature in ((points, 1.0), (nothing, 0.0)):
        found = draw(model, z, temperature=temperature, redraws=0).candidates  # type: ignore[arg-type]
        assert {c.smiles for c in found} == {_OPEN}
