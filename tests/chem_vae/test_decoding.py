"""Decoding: greedy, sampled, guided, row by row."""

from __future__ import annotations

import torch

from chem_vae.decoding import decode_ids
from chem_vae.model import ChemVAE
from chem_vae.vocabulary import END, MASK, START


def test_decoding_keeps_rows_in_place_and_agrees_with_one_at_a_time(model: ChemVAE) -> None:
    z = torch.randn(9, 8, generator=torch.Generator().manual_seed(2))
    z[4] = torch.nan
    together = decode_ids(model, z, max_length=30)
    assert together == [decode_ids(model, z[i : i + 1], max_length=30)[0] for i in range(9)]
    sampled = decode_ids(
        model, z.repeat(20, 1), temperature=2.0, max_length=200, generator=torch.Generator().manual_seed(0)
    )
    ids = {i for row in sampled if row is not None for i in row}
    assert len({len(row) for row in sampled if row is not None}) > 3
    assert ids.isdisjoint({START, END, MASK})
    assert ids


def test_guidance_weighs_the_conditions(model: ChemVAE) -> None:
    z = torch.full((9, 8), torch.nan)
    conditions = torch.randn(9, 3, generator=torch.Generator().manual_seed(3))
    conditions[2] = torch.nan  # guided towards nothing: as without
    plain = decode_ids(model, z, conditions, max_length=30)
    guided = decode_ids(model, z, conditions, guidance=3.0, max_length=30)
    assert guided[2] == plain[2]
    assert guided == [decode_ids(model, z[:1], conditions[i : i + 1], guidance=3.0, max_length=30)[0] for i in range(9)]
    assert decode_ids(model, z, None, guidance=3.0, max_length=30) == decode_ids(model, z, max_length=30)
    with torch.no_grad():
        first = model.decoder.step(model.embedding(torch.zeros(9, dtype=torch.long)), _start(model, z, conditions))[0]
        free = model.decoder.step(model.embedding(torch.zeros(9, dtype=torch.long)), _start(model, z, None))[0]
    mixed = first + 3.0 * (first - free)
    mixed[:, [START, MASK]] = -torch.inf
    assert [row[0] if row else END for row in guided if row is not None] == [
        i for i, row in zip(mixed.argmax(-1).tolist(), guided, strict=True) if row is not None
    ]


def _start(model: ChemVAE, z: torch.Tensor, conditions: torch.Tensor | None) -> object:
    return model.decoder.start(z, model.conditions(model.fill(conditions, len(z))))


def test_a_molecule_that_does_not_end_is_none(model: ChemVAE) -> None:
    with torch.no_grad():
        model.decoder.to_symbols.bias[END] = -1e9
    assert decode_ids(model, torch.zeros(3, 8), max_length=5) == [None, None, None]


def test_greedy_decoding_is_the_argmax_of_the_teacher_forced_logits(model: ChemVAE) -> None:
    many = 3 * torch.randn(400, 8, generator=torch.Generator().manual_seed(7))
    for bias in torch.linspace(0, 1, 21):  # random weights tend to never end or to end at once
        with torch.no_grad():
            model.decoder.to_symbols.bias[END] = bias
        ended = [
            (row, ids)
            for row, ids in enumerate(decode_ids(model, many, max_length=50))
            if ids is not None and len(ids) > 2
        ]
        if ended:
            break
    row, ids = ended[0]
    z = many[row : row + 1]
    logits = model.logits(torch.tensor([ids], dtype=torch.long), z)[0]
    logits[:, [START, MASK]] = -torch.inf
    assert logits.argmax(-1).tolist() == [*ids, END]


def test_a_prefix_is_what_a_molecule_begins_with(model: ChemVAE) -> None:
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(2))
    plain = decode_ids(model, z, max_length=30)
    assert decode_ids(model, z, max_length=30, prefixes=[[], [], [], []]) == plain
    begun = decode_ids(model, z, max_length=30, prefixes=[[5, 6, 7], [], [9], [4, 4]])
    assert begun[1] == plain[1]
    for row, prefix in zip(begun, ([5, 6, 7], [], [9], [4, 4]), strict=True):
        assert row is None or row[: len(prefix)] == prefix
    going_on = decode_ids(model, z, max_length=30, prefixes=[row[:2] if row else [] for row in plain])
    assert going_on == plain  # greedily, the decoder goes on as it would have
