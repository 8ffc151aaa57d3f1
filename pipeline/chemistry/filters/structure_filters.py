"""Finds what is unusual: structures that the rules of valence allow and generators make, but that chemists do not."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
from rdkit.Chem import Mol

from chem_vae.errors import unknown_name
from pipeline.chemistry.filters.atom_environments import Environments, compute_all_environments, compute_environments
from pipeline.chemistry.filters.structure_table import load_table
from pipeline.chemistry.filters.unusual_patterns import PATTERNS as PATTERNS
from pipeline.chemistry.filters.unusual_patterns import find_patterns
from pipeline.chemistry.filters.unusual_rings import LARGE_RING as LARGE_RING
from pipeline.chemistry.filters.unusual_rings import STRAINED as STRAINED
from pipeline.chemistry.filters.unusual_rings import find_large_rings, find_strained_bridges
from pipeline.workspace.check_arguments import list_names

RARE_ATOM, UNSEEN_ATOM, RARE_RING = "rare atom environment", "unseen atom environment", "rare ring system"

EVERYTHING = "all"
"""Stands for the names of all unusual structures, where some are allowed."""

LEAST_ATOM = 8
"""An atom with its neighbors is rare that fewer molecules of the reference have."""
LEAST_RING, LEAST_UNSEEN_IN_RING = 2, 2
"""A ring system is rare that fewer molecules of the reference have, if so many of its atoms have unseen surroundings too."""
LEAST_SIZE = 8
"""Heavy atoms from which on rarity counts: the reference has no smaller molecules, and so hardly knows their environments."""
LEAST_LARGE_RING = 10
"""A ring of more than `LARGEST_RING` atoms is usual where so many molecules of the reference have its ring system."""
_AT_ONCE = 500
MOST_UNSEEN, MOST_UNSEEN_SHARE = 5, 0.2
"""A molecule is unusual from so many unseen environments of radius 2 on, or from such a share of its atoms; one alone never counts."""


def locate_unusual(mol: Mol, allowed: Collection[str] = ()) -> dict[str, tuple[int, ...]]:
    """Find what is unusual in a sanitized molecule, and at which atoms.

    What is unusual is a structure on a list of patterns, a ring that is too large or too strained, or an atom environment or a ring
    system that real molecules (`data/structures.safetensors`) have rarely or never.

    Args:
        mol: The molecule, in the standard form of the project.
        allowed: Names that are not looked for, and what `learn_usual` returned.

    Returns:
        The atoms to mark (their indices, sorted) by the name of what is unusual; {} where nothing is.
    """
    return {name: atoms for name, atoms in _find(mol, allowed) if name not in allowed}


def find_unusual_motifs(mol: Mol) -> frozenset[str]:
    """Find what is unusual in a sanitized molecule, by name; most molecules have nothing."""
    return frozenset(name for name, _ in _find(mol, ()))


def has_unusual_motif(mol: Mol, allowed: Collection[str] = ()) -> bool:
    """Whether a sanitized molecule has anything unusual that is not among what is allowed (see `locate_unusual`)."""
    return name_first_unusual(mol, allowed) is not None


def name_first_unusual(mol: Mol, allowed: Collection[str] = ()) -> str | None:
    """Name what is found first of all that is unusual and not allowed in a sanitized molecule; None where nothing is."""
    return next((name for name, _ in _find(mol, allowed) if name not in allowed), None)


def name_first_unusual_of_each(mols: Sequence[Mol], allowed: Sequence[Collection[str]]) -> list[str | None]:
    """Name what `name_first_unusual` names of n molecules, each with what is allowed to it, in half the time of one by one."""
    results: list[str | None] = [None] * len(mols)
    named: dict[int, list[int]] = {}
    for row, (mol, own) in enumerate(zip(mols, allowed, strict=True)):
        atoms: list[int] = []
        for name, places in _find_named(mol):
            atoms += places
            if name not in own:
                results[row] = name
                break
        else:
            named[row] = atoms
    rare = _list_all_rare(compute_all_environments([mols[row] for row in named]))
    for (row, atoms), found in zip(named.items(), rare, strict=True):
        names = (name for name, _ in _judge_rare(mols[row], found, atoms, allowed[row]))
        results[row] = next((name for name in names if name not in allowed[row]), None)
    return results


def learn_usual(mols: Iterable[Mol], at_least: int = 1) -> frozenset[str]:
    """Learn what is usual for a set of molecules although it is unusual elsewhere, as `allowed` takes it.

    Args:
        mols: Sanitized molecules: those that a model was trained on, or those that a user named.
        at_least: The number of molecules that must have a pattern or a ring; for an atom environment or a ring system, of which
            there are very many, two are enough.

    Returns:
        The names of patterns and rings that these molecules have and `locate_unusual` would report, and the keys of their rare
        atom environments and ring systems. Sets of several calls can be joined.
    """
    names: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    left = iter(mols)
    while some := list(itertools.islice(left, _AT_ONCE)):
        for mol, rare in zip(some, _list_all_rare(compute_all_environments(some)), strict=True):
            names.update({name for name, _ in _find_named(mol)})
            keys.update({key for key, _ in rare})
    usual = {name for name, count in names.items() if count >= at_least}
    return frozenset(usual.union(key for key, count in keys.items() if count >= min(at_least, 2)))


def list_unusual_names() -> tuple[str, ...]:
    """List the names by which `locate_unusual` calls what is unusual."""
    return (*PATTERNS, LARGE_RING, STRAINED, RARE_ATOM, UNSEEN_ATOM, RARE_RING)


def read_allowed(names: str | Iterable[str]) -> frozenset[str]:
    """Read the names of what is allowed although it is unusual, in any case, as `locate_unusual` takes them.

    Args:
        names: Names of `list_unusual_names`, or one; "all" stands for all of them.

    Raises:
        UserError: A name is unknown; the message lists the nearest ones.
    """
    known = {name.casefold(): name for name in list_unusual_names()}
    found: set[str] = set()
    for name in list_names("allow", names):
        if name.casefold() == EVERYTHING:
            found.update(known.values())
        elif name.casefold() in known:
            found.add(known[name.casefold()])
        else:
            raise unknown_name("unusual structure", name, [*known.values(), EVERYTHING])
    return frozenset(found)


def _find(mol: Mol, allowed: Collection[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield what is unusual, the quickest to find first; keys of environments that are allowed count as seen.

    Rare surroundings of what has a name, allowed or not, are not told a second time: whoever allows peroxides allows the
    environments of their atoms.
    """
    named: list[int] = []
    for name, atoms in _find_named(mol):
        named += atoms
        yield name, atoms
    yield from _judge_rare(mol, _list_all_rare([compute_environments(mol)])[0], named, allowed)


def _find_named(mol: Mol) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the patterns and the rings that are unusual."""
    yield from find_patterns(mol)
    yield from _find_rings(mol)


def _judge_rare(
    mol: Mol, rare: Sequence[tuple[str, Sequence[int]]], named: Sequence[int], allowed: Collection[str]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield what is unusual because it is rare, of what is rare (`_list_all_rare`) away from the atoms that have a name."""
    if not rare:
        return
    near = _list_near(mol, named)
    found: dict[str, set[int]] = {}
    for key, places in rare:
        name, reach = _KINDS[key.partition(" ")[0]]
        if near[reach].isdisjoint(places) and key not in allowed:
            found.setdefault(name, set()).update(places)
    unseen = found.pop(UNSEEN_ATOM, ())
    if len(unseen) >= MOST_UNSEEN or (len(unseen) > 1 and len(unseen) >= MOST_UNSEEN_SHARE * mol.GetNumAtoms()):
        found[UNSEEN_ATOM] = set(unseen)
    yield from ((name, tuple(sorted(atoms))) for name, atoms in found.items())


def _list_near(mol: Mol, atoms: Iterable[int]) -> tuple[set[int], set[int], set[int]]:
    """List atoms, with those one bond from them, and with those two bonds from them."""
    reached = [set(atoms)]
    for _ in range(2):
        neighbors = (n.GetIdx() for index in reached[-1] for n in mol.GetAtomWithIdx(index).GetNeighbors())
        reached.append(reached[-1].union(neighbors))
    return reached[0], reached[1], reached[2]


_KINDS = {"atom": (RARE_ATOM, 1), "surroundings": (UNSEEN_ATOM, 2), "rings": (RARE_RING, 0)}
"""By the first word of the key of a structure: its name, and how many bonds it reaches."""


def _find_rings(mol: Mol) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield strained bridges, and large rings but for those that real molecules have."""
    if strained := find_strained_bridges(mol):
        yield STRAINED, tuple(sorted(set(strained)))
    if large := find_large_rings(mol):
        usual: set[int] = set()
        for key, atoms in compute_environments(mol).ring_systems:
            carbocycle = all(mol.GetAtomWithIdx(atom).GetAtomicNum() == 6 for atom in atoms)
            if not carbocycle and _count_ring_system(key) >= LEAST_LARGE_RING:
                usual.update(atoms)
        if marked := {atom for ring in large for atom in ring} - usual:
            yield LARGE_RING, tuple(sorted(marked))


def _list_all_rare(environments: Sequence[Environments]) -> list[list[tuple[str, Sequence[int]]]]:
    """List the key and the atoms of each rare structure of each molecule; the first word of a key tells its kind."""
    if not environments:
        return []
    table = load_table()
    starts = np.cumsum([0, *(len(e.radius_1) for e in environments)])
    counts = table.radius_1.look_up(np.concatenate([e.radius_1 for e in environments]))
    seen = table.has_seen(np.concatenate([e.radius_2 for e in environments]))
    rare: list[list[tuple[str, Sequence[int]]]] = [[] for _ in environments]
    odd = np.unique(np.searchsorted(starts, np.flatnonzero((counts < LEAST_ATOM) | ~seen), side="right") - 1)
    for row in odd.tolist():
        first, second, own = environments[row].radius_1, environments[row].radius_2, rare[row]
        if len(first) < LEAST_SIZE:
            continue
        atoms = slice(starts[row], starts[row + 1])
        own += [(f"atom {first[i]:016x}", (i,)) for i in np.flatnonzero(counts[atoms] < LEAST_ATOM).tolist()]
        unseen = np.flatnonzero(~seen[atoms]).tolist()
        own += [(f"surroundings {second[i]:016x}", (i,)) for i in unseen]
        if len(unseen) >= LEAST_UNSEEN_IN_RING:
            for key, system in environments[row].ring_systems:
                if (
                    len(set(unseen).intersection(system)) >= LEAST_UNSEEN_IN_RING
                    and _count_ring_system(key) < LEAST_RING
                ):
                    own.append((f"rings {key:016x}", system))
    return rare


def _count_ring_system(key: int) -> int:
    return int(load_table().ring_systems.look_up(np.array([key], dtype=np.uint64))[0])
