"use strict";
// Finds which bonds are aromatic to RDKit, of molecules that OpenChemLib has parsed: the two do not agree on rings with C=O and on fused ones.
((tool) => {
  const MOST_RINGS = 6;  // fused rings that RDKit takes together
  const OUTER = new Map([[5, 3], [6, 4], [7, 5], [8, 6], [14, 4], [15, 5], [16, 6], [34, 6], [52, 6]]);  // electrons in the outer shell of the elements that can be aromatic
  const chooseValence = (outer) => (outer > 4 ? 8 - outer : outer);

  // Whether the first of two elements draws the electrons of their double bond to itself.
  function isMoreNegative(first, second) {
    const a = OUTER.get(first) ?? 0, b = OUTER.get(second);
    return a > b || (a === b && first < second);
  }

  // Count the electrons that an atom gives to the rings it is in; null where it keeps them from being aromatic.
  function countElectrons(mol, atom) {
    const number = mol.getAtomicNo(atom), charge = mol.getAtomCharge(atom), outer = OUTER.get(number), hydrogens = mol.getAllHydrogens(atom);
    const degree = mol.getConnAtoms(atom) + hydrogens, valence = chooseValence(outer);
    if (outer === undefined || degree > 3) return null;
    let total = hydrogens, isInRing = false, outside = -1, multiple = 0;
    for (let i = 0; i < mol.getConnAtoms(atom); i++) {
      const order = mol.getConnBondOrder(atom, i);
      total += order;
      if (order < 2) continue;
      multiple++;
      if (mol.isRingBond(mol.getConnBond(atom, i))) isInRing = true; else outside = mol.getConnAtom(atom, i);
    }
    if (multiple > 1 || total > chooseValence(outer - charge)) return null;
    const isDrawnOut = outside >= 0 && isMoreNegative(mol.getAtomicNo(outside), number);
    let left = valence - degree + Math.max(outer - valence - charge, 0);
    if (left > 1 && total - degree > 1) left = 1;  // a triple bond
    if (left <= 0) return left < 0 ? null : outside >= 0 ? 0 : isInRing ? 1 : null;
    if (left === 1) return isDrawnOut ? 0 : multiple ? 1 : charge === 1 ? 0 : null;
    return (left - isDrawnOut) % 2 ? 1 : 2;
  }

  // List what belongs to at most so many of some rings: their atoms or their bonds.
  function listWithin(rings, what, most) {
    const counts = new Map();
    for (const ring of rings) for (const i of ring[what]) counts.set(i, (counts.get(i) ?? 0) + 1);
    return [...counts].filter(([, count]) => count <= most).map(([i]) => i);
  }

  // List the systems of rings that are fused with each other, directly or through others.
  function listSystems(fused) {
    const seen = new Set();
    return fused.flatMap((_, first) => {
      if (seen.has(first)) return [];
      const system = new Set([first]);
      for (const ring of system) fused[ring].forEach((next) => system.add(next));
      system.forEach((ring) => seen.add(ring));
      return [[...system]];
    });
  }

  // Add one ring more to each set of rings, in every way.
  function grow(sets, fused) {
    const larger = new Map();
    for (const set of sets) {
      for (const next of set.flatMap((ring) => fused[ring])) {
        if (set.includes(next)) continue;
        const grown = [...set, next].sort((a, b) => a - b);
        larger.set(grown.join(), grown);
      }
    }
    return [...larger.values()];
  }

  // Find the bonds that are aromatic to RDKit: those around a ring, or around several fused ones, that have 4n + 2 electrons.
  tool.findAromaticBonds = (mol) => {
    const all = mol.getRingSet(), electrons = Array.from({ length: mol.getAtoms() }, (_, atom) => countElectrons(mol, atom)), found = new Set();
    const rings = Array.from({ length: all.getSize() }, (_, i) => ({ atoms: [...all.getRingAtoms(i)], bonds: [...all.getRingBonds(i)] }))
      .filter(({ atoms }) => atoms.every((atom) => electrons[atom] !== null));
    const isFused = (a, b) => a !== b && a.bonds.filter((bond) => b.bonds.includes(bond)).length === 1;
    const fused = rings.map((ring) => [...rings.keys()].filter((i) => isFused(ring, rings[i])));
    for (const system of listSystems(fused)) {
      const bonds = new Set(system.flatMap((ring) => rings[ring].bonds));
      let sets = system.map((ring) => [ring]);
      for (let size = 1; size <= MOST_RINGS && [...bonds].some((bond) => !found.has(bond)); size++) {
        for (const chosen of sets.map((set) => set.map((ring) => rings[ring]))) {
          const count = listWithin(chosen, "atoms", 2).reduce((sum, atom) => sum + electrons[atom], 0);
          if (count % 4 === 2) listWithin(chosen, "bonds", 1).forEach((bond) => found.add(bond));
        }
        sets = grow(sets, fused);
      }
    }
    return found;
  };
})(globalThis.candidateTool ??= {});
