"""Decode latent points one symbol at a time, greedily or by sampling, with or without guidance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chem_vae.model import ChemVAE
from chem_vae.vocabulary import END, MASK, START


@torch.no_grad()
def decode_ids(
    model: ChemVAE,
    z: Tensor,
    conditions: Tensor | None = None,
    *,
    temperature: float = 0.0,
    guidance: float = 0.0,
    max_length: int = 128,
    generator: torch.Generator | None = None,
    prefixes: Sequence[Sequence[int]] | None = None,
) -> list[list[int] | None]:
    """Decode one molecule per latent point. Finished molecules leave the running batch; [start] and [mask] are never drawn.

    Args:
        model: The model.
        z: (n, D); a row of NaN is decoded without z.
        conditions: (n, P) standardized, NaN or None unknown.
        temperature: 0 takes the likeliest symbol (greedy); else symbols are drawn from softmax(logits / temperature).
        guidance: g above 0 follows the conditions more closely, at twice the cost: logits + g (logits - logits without
            conditions) (Ho & Salimans 2022, arXiv:2207.12598).
        max_length: The most ids of a molecule.
        generator: Random numbers on the CPU, so that a seed gives the same molecules on every device.
        prefixes: n lists of ids that the molecules begin with; the decoder goes on from there.

    Returns:
        n lists of ids, row i for row i, without [start] and [end]; None for a molecule that did not end in time.
    """
    was_training = model.training
    model.eval()
    try:
        rows = len(z)
        if rows == 0:
            return []
        guided = guidance > 0 and conditions is not None
        given = model.fill(conditions, rows)
        if guided:  # the second half of the running batch is the same molecules without their conditions
            given, z = torch.cat([given, torch.full_like(given, torch.nan)]), torch.cat([z, z])
        state = model.decoder.start(z, model.conditions(given))
        symbols = torch.full((rows,), START, dtype=torch.long, device=z.device)
        out = torch.full((rows, max_length), END, dtype=torch.long)
        given_ids = _pad(prefixes, max_length) if prefixes is not None else None
        alive = torch.arange(rows)  # which rows of z the running batch holds
        for step in range(max_length):
            repeated = torch.cat([symbols, symbols]) if guided else symbols
            logits, state = model.decoder.step(model.embedding(repeated), state)
            if guided:
                with_conditions, without = logits.chunk(2)
                logits = with_conditions + guidance * (with_conditions - without)
            logits[:, [START, MASK]] = -torch.inf
            if temperature > 0:
                probabilities = torch.softmax(logits.float() / temperature, dim=-1).cpu()
                drawn = torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
            else:
                drawn = logits.argmax(dim=-1).cpu()
            if given_ids is not None and step < given_ids.shape[1]:
                told = given_ids[alive, step]
                drawn = torch.where(told >= 0, told, drawn)
            out[alive, step] = drawn
            going = drawn != END
            if not going.any():
                break
            if not going.all():
                kept = going.nonzero().squeeze(1)
                alive, drawn = alive[kept], drawn[kept]
                kept = kept.to(z.device)
                if guided:
                    kept = torch.cat([kept, kept + len(going)])
                state = model.decoder.select(state, kept)
            symbols = drawn.to(z.device)
        ends = (out == END).int()
        lengths = torch.where(ends.any(dim=1), ends.argmax(dim=1), -1).tolist()
        return [row[:length].tolist() if length >= 0 else None for row, length in zip(out, lengths, strict=True)]
    finally:
        model.train(was_training)


def _pad(prefixes: Sequence[Sequence[int]], longest: int) -> Tensor:
    """Return prefixes as a tensor (n, L), -1 where they have ended."""
    size = min(max((len(ids) for ids in prefixes), default=0), longest)
    padded = torch.full((len(prefixes), size), -1, dtype=torch.long)
    for row, ids in enumerate(prefixes):
        some = torch.tensor(list(ids)[:size], dtype=torch.long)
        padded[row, : len(some)] = some
    return padded
