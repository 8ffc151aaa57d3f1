"""Puts the groups of a molecule that lacks a scaffold onto the scaffold, so that what a model decodes becomes groups for it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from pipeline.chemistry.variation.attachment_points import open_atom
from pipeline.chemistry.variation.groups import Site, cut_groups, list_sites, relabel
from pipeline.chemistry.variation.scaffold_variation import ScaffoldVariation

TRIES = 4


def graft(variation: ScaffoldVariation, mol: Mol, rng: random.Random) -> str | None:
    """Make a molecule that keeps the scaffold out of the groups of another molecule.

    A group goes to an attachment point with an atom like the one that it was bound to, where there is such a group.

    Args:
        variation: The scaffold and the limits of molecules.
        mol: A sanitized molecule.
        rng: The source of all draws.

    Returns:
        Its canonical SMILES: of `mol` itself where it keeps the scaffold, and has a group; None where no group fits.
    """
    scaffold = variation.scaffold
    placed = scaffold.place(mol)
    if placed is not None and placed.groups:
        return str(Chem.MolToSmiles(mol))
    known = cut_groups(mol, scaffold.parts if scaffold.parts > 1 else 1)
    if not known:
        return None
    with rdBase.BlockLogs():
        for _ in range(TRIES):
            base = scaffold.mol if scaffold.points else _open(scaffold.mol, rng)
            if base is None:
                continue
            sites = list_sites(base)
            together = [tuple(sorted(sites))] if scaffold.parts > 1 else [(label,) for label in sorted(sites)]
            groups = [_draw(known, labels, [sites[label] for label in labels], rng) for labels in together]
            child = variation.build(base, groups)
            if child is not None:
                return str(Chem.MolToSmiles(child))
    return None


def _draw(
    known: Sequence[tuple[str, tuple[Site, ...]]], labels: tuple[int, ...], sites: Sequence[Site], rng: random.Random
) -> str:
    """Draw a group for some attachment points: one that was seen at such atoms, else any."""
    fitting = [group for group, own in known if [s.atom for s in own] == [s.atom for s in sites]]
    return relabel(rng.choice(fitting or [group for group, _ in known]), labels)


def _open(base: Mol, rng: random.Random) -> Mol | None:
    """Open a bare scaffold at one or two atoms that are drawn."""
    opened: Mol | None = base
    for label in range(1, 1 + rng.choice((1, 1, 2))):
        free = [a.GetIdx() for a in base.GetAtoms() if a.GetTotalNumHs()] if opened is not None else []
        opened = open_atom(opened, rng.choice(free), label) if opened is not None and free else None
    return opened
