"""Molecules drawn again where the decoder lost its thread: rows stay rows, shares keep their denominators."""

from __future__ import annotations

from typing import ClassVar

import selfies
import torch
from rdkit import Chem

from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.models.sampling import Draw, draw
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel


def test_redrawing_raises_the_share_spelled_canonically(model: TrainedModel) -> None:
    checkpoint = model.checkpoint
    nothing = torch.full((150, checkpoint.model.latent_size), torch.nan)
    plain = draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=0)
    again = draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=6)
    assert plain.canonical.of == 150 < again.canonical.of <= 7 * 150
    assert [c.row for c in again.candidates] == list(range(150))

    def spelled(drawn: Draw) -> int:
        assert drawn.spellings == [write_selfies(c.smiles, checkpoint.vocabulary) for c in drawn.candidates]
        return sum(s is not None and s == t for s, t in zip(drawn.strings, drawn.spellings, strict=True))

    assert spelled(plain) == plain.canonical.count
    assert spelled(again) == again.canonical.count > spelled(plain)
    # what was fine at once is not drawn again
    for string, own, later in zip(plain.strings, plain.spellings, again.strings, strict=True):
        if string == own:
            assert string == later
    assert again.strings == draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=6).strings


def test_greedy_decoding_is_not_repeated(model: TrainedModel) -> None:
    z = model.latent["mu"].float()[:20]
    assert draw(model.checkpoint, z, temperature=0.0).canonical.of == 20


class _Scripted:
    """A stand-in for a checkpoint whose decoder says one string for each row and attempt."""

    card: ClassVar[dict[str, object]] = {}

    def __init__(self, said: list[list[str]]) -> None:
        self.said = iter(said)
        symbols = sorted({s for row in said for text in row for s in selfies.split_selfies(text)})
        self.vocabulary = SelfiesVocabulary(symbols)

    def decode(self, z: torch.Tensor, *_: object, **__: object) -> list[str]:
        strings = next(self.said)
        assert len(strings) == len(z)
        return strings


def test_a_molecule_with_stereo_or_a_charge_is_replaced_only_by_one_of_its_kind() -> None:
    canonical = {s: selfies.encoder(Chem.CanonSmiles(s)) for s in ("C[C@H](N)O", "CC(N)O", "C[NH3+]", "CCO")}
    chiral, plain, charged, other = canonical.values()
    odd_chiral, odd_plain = selfies.encoder("N[C@@H](C)O"), selfies.encoder("N(C(C)O)")
    assert odd_chiral not in canonical.values() and odd_plain not in canonical.values()
    checkpoint = _Scripted([[odd_chiral, odd_plain, other], [plain, charged], [charged, other], [chiral]])
    drawn = draw(checkpoint, torch.full((3, 4), torch.nan), temperature=1.0, redraws=3)  # type: ignore[arg-type]
    assert drawn.strings == [chiral, other, other]
    assert [c.smiles for c in drawn.candidates] == [Chem.CanonSmiles(s) for s in ("C[C@H](N)O", "CCO", "CCO")]
    kept = draw(
        _Scripted([[odd_chiral], [plain], [charged]]), torch.full((1, 4), torch.nan), temperature=1.0, redraws=2
    )  # type: ignore[arg-type]
    assert kept.strings == [odd_chiral], "however spelled, it is of its kind"


def test_a_stereo_mark_at_no_stereocenter_still_asks_for_stereo() -> None:
    lost, plain, chiral = (selfies.encoder(s) for s in ("C[C@H](C)O", "CCO", Chem.CanonSmiles("C[C@H](N)O")))
    checkpoint = _Scripted([[lost], [plain], [chiral]])
    drawn = draw(checkpoint, torch.full((1, 4), torch.nan), temperature=1.0, redraws=2)  # type: ignore[arg-type]
    assert drawn.strings == [chiral]
    never = draw(_Scripted([[lost], [plain]]), torch.full((1, 4), torch.nan), temperature=1.0, redraws=1)  # type: ignore[arg-type]
    assert [c.smiles for c in never.candidates] == ["CC(C)O"], "the first draw stays where none has stereo"
