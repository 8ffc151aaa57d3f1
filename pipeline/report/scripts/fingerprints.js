"use strict";
// Computes the fingerprint ECFP4 with 2,048 bits as RDKit does (Morgan, radius 2), of molecules that OpenChemLib has parsed.
((tool) => {
  const BITS = 2048, WORDS = BITS / 32, RADIUS = 2, AROMATIC = 12;

  function combine(seed, value) {
    return (seed ^ ((value >>> 0) + 0x9e3779b9 + (seed << 6) + (seed >>> 2))) >>> 0;
  }

  function hash(values) { return values.reduce(combine, 0); }

  function describeAtoms(mol) {
    return Array.from({ length: mol.getAtoms() }, (_, atom) => {
      const hydrogens = mol.getAllHydrogens(atom), mass = mol.getAtomMass(atom);
      const parts = [mol.getAtomicNo(atom), mol.getConnAtoms(atom) + hydrogens, hydrogens, mol.getAtomCharge(atom)];
      parts.push(mass ? mass - Math.round(tool.OCL.Molecule.cRoundedMass[mol.getAtomicNo(atom)]) : 0);
      if (mol.isRingAtom(atom)) parts.push(1);
      return hash(parts);
    });
  }

  // Compute the bits of a molecule, as 32 words of 32 bits.
  tool.computeFingerprint = (mol) => {
    mol.ensureHelperArrays(tool.OCL.Molecule.cHelperRings);
    const bits = new Uint32Array(WORDS), count = mol.getAtoms(), seen = new Set(), aromatic = tool.findAromaticBonds(mol);
    const add = (value) => { bits[(value % BITS) >>> 5] |= 1 << (value % BITS & 31); };
    let invariants = describeAtoms(mol), reach = Array.from({ length: count }, () => 0n);
    const dead = new Uint8Array(count);
    invariants.forEach(add);
    for (let layer = 0; layer < RADIUS; layer++) {
      const next = invariants.slice(), reached = reach.slice(), round = [];
      for (let atom = 0; atom < count; atom++) {
        const degree = mol.getConnAtoms(atom);
        if (dead[atom] || !degree) continue;
        const near = [];
        let bonds = reach[atom];
        for (let i = 0; i < degree; i++) {
          const bond = mol.getConnBond(atom, i), other = mol.getConnAtom(atom, i);
          bonds |= (1n << BigInt(bond)) | reach[other];
          near.push([aromatic.has(bond) ? AROMATIC : mol.getBondOrder(bond), invariants[other]]);
        }
        near.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        next[atom] = near.reduce((value, pair) => combine(value, hash(pair)), combine(layer, invariants[atom]));
        reached[atom] = bonds;
        if (seen.has(bonds)) dead[atom] = 1;
        round.push([bonds, next[atom], atom]);
      }
      round.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || a[2] - b[2]));
      for (const [bonds, value, atom] of round) {
        if (seen.has(bonds)) dead[atom] = 1;
        else { seen.add(bonds); add(value); }
      }
      invariants = next;
      reach = reached;
    }
    return bits;
  };

  // Read the fingerprints that the page brings: 256 bytes in base64 each.
  tool.readFingerprint = (text) => {
    if (!text) return null;
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), words = new Uint32Array(WORDS);
    bytes.forEach((byte, i) => { words[i >> 2] |= byte << (8 * (i & 3)); });
    return words;
  };

  function countBits(word) {
    let bits = word - ((word >>> 1) & 0x55555555);
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
  }

  // Compute the Tanimoto similarity of two fingerprints.
  tool.compareFingerprints = (a, b) => {
    let both = 0, either = 0;
    for (let i = 0; i < WORDS; i++) {
      both += countBits(a[i] & b[i]);
      either += countBits(a[i] | b[i]);
    }
    return either ? both / either : 0;
  };
})(globalThis.candidateTool ??= {});
