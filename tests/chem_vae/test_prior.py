"""Priors are reproducible and share no random numbers with decoding."""

from __future__ import annotations

import pytest
import torch

from chem_vae.checkpoint import Checkpoint
from chem_vae.prior import sample_prior


@pytest.mark.parametrize("kind", ["normal", "ancestral", "none"])
def test_priors_are_reproducible(checkpoint: Checkpoint, kind: str) -> None:
    a, b, c = (sample_prior(checkpoint, 16, kind, seed) for seed in (1, 1, 2))
    assert a.shape == (16, 8)
    assert torch.equal(a.nan_to_num(), b.nan_to_num())
    assert kind == "none" or not torch.equal(a, c)


@pytest.mark.parametrize("kind", ["normal", "ancestral"])
def test_a_prior_shares_no_random_numbers_with_what_is_decoded(
    checkpoint: Checkpoint, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    decode, manual_seed = Checkpoint.decode, torch.Generator.manual_seed

    def decoded(self: Checkpoint, *given: object, seed: int, **more: object) -> list[str | None]:
        seeds.append(seed)
        return decode(self, *given, seed=seed, **more)  # type: ignore[arg-type]

    class Seen(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            seeds.append(seed)
            return manual_seed(self, seed)

    monkeypatch.setattr(Checkpoint, "decode", decoded)
    monkeypatch.setattr(torch, "Generator", Seen)
    for seed in (0, 5):
        sample_prior(checkpoint, 4, kind, seed)
    assert not {0, 5} & set(seeds)
    # decode() hands its own seed on to a generator, so "ancestral" is seen three times and has two seeds.
    assert len(seeds) == (6 if kind == "ancestral" else 2) and len(set(seeds)) == (4 if kind == "ancestral" else 2)
