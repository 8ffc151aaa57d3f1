"""Derived seeds are the same everywhere, and unlike each other."""

from __future__ import annotations

from chem_vae.seeds import derive_seed, number_seed


def test_derived_seeds_are_fixed() -> None:
    assert derive_seed(0, 1) == 2918264622725855778  # written down: another number would draw other molecules
    assert derive_seed(-1, 3) == derive_seed(2**64 - 1, 3)
    assert number_seed(2, 5) == 2_000_011


def test_derived_seeds_differ_by_seed_part_and_order() -> None:
    parts = [(0,), (1,), (2,), (1, 0), (1, 2), (2, 1), (0, 1), (0, 0, 1)]
    seeds = [derive_seed(s, *p) for s in range(20) for p in parts]
    assert len(set(seeds)) == len(seeds) and all(0 <= s < 2**63 for s in seeds)
