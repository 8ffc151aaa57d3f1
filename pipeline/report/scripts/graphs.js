"use strict";
// Reads SMILES into graphs that a SMARTS is matched with: aromatic is what is written in small letters, as RDKit writes it.
((tool) => {
  const SYMBOLS = ("H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd "
    + "In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn").split(" ");
  const NUMBERS = new Map(SYMBOLS.map((symbol, i) => [symbol, i + 1]));
  const VALENCES = { 5: [3], 6: [4], 7: [3, 5], 8: [2], 9: [1], 15: [3, 5], 16: [2, 4, 6], 17: [1], 35: [1], 53: [1] };
  const BONDS = { "-": 1, "/": 1, "\\": 1, "=": 2, "#": 3, $: 4, ":": 1.5 };
  const ATOM = /^\[(\d*)([A-Za-z][a-z]?|\*)(@{0,2}(?:TH|SP|AL|TB|OH)?\d*)(H\d*)?((?:[+-]+\d*)?)(?::\d+)?\]/;
  tool.NUMBERS = NUMBERS;

  // Walk over the skeleton that SMILES and SMARTS share: chains, branches, rings and parts.
  tool.readSkeleton = (text, readAtom, readBond, graph) => {
    const branches = [], open = new Map();
    let last = -1, bond = null, at = 0;
    const fail = (words) => { throw new Error(`\u201c${text}\u201d is not understood at position ${at + 1}: ${words}`); };
    while (at < text.length) {
      const letter = text[at];
      if (letter === "(") { if (last < 0) fail("a branch needs an atom before it"); branches.push(last); at++; continue; }
      if (letter === ")") { if (!branches.length) fail("a bracket closes that was not opened"); last = branches.pop(); at++; continue; }
      if (letter === ".") { last = -1; bond = null; at++; continue; }
      const ring = /^(?:%\((\d+)\)|%(\d\d)|(\d))/.exec(text.slice(at, at + 8));
      if (ring) {
        if (last < 0) fail("a ring needs an atom before it");
        const number = Number(ring[1] ?? ring[2] ?? ring[3]);
        if (open.has(number)) {
          const begun = open.get(number);
          graph.addBond(begun.atom, last, bond ?? begun.bond);
          open.delete(number);
        } else open.set(number, { atom: last, bond });
        bond = null;
        at += ring[0].length;
        continue;
      }
      const found = readBond(text, at, fail);
      if (found) { if (last < 0) fail("a bond needs an atom before it"); bond = found.bond; at = found.end; continue; }
      const read = readAtom(text, at, fail), atom = graph.addAtom(read.atom);
      if (last >= 0) graph.addBond(last, atom, bond);
      last = atom;
      bond = null;
      at = read.end;
    }
    if (open.size) fail("a ring is not closed");
    if (branches.length) fail("a bracket is not closed");
    if (bond !== null) fail("a bond leads nowhere");
    return graph;
  };

  // A molecule: for each atom its element and so on, and its neighbors with the orders of their bonds.
  class Graph {
    constructor() { this.atoms = []; this.bonds = []; this.near = []; }

    addAtom(atom) { this.near.push([]); return this.atoms.push(atom) - 1; }

    addBond(a, b, order) {
      const small = this.atoms[a].aromatic && this.atoms[b].aromatic, index = this.bonds.length;
      this.bonds.push({ a, b, order: order ?? (small ? 1.5 : 1) });
      this.near[a].push({ atom: b, bond: index });
      this.near[b].push({ atom: a, bond: index });
    }
  }

  function readAtom(text, at, fail) {
    const small = /^(Cl|Br|[BCNOPSFI]|[bcnops]|\*)/.exec(text.slice(at, at + 2));
    if (small) {
      const symbol = small[0], isAromatic = symbol === symbol.toLowerCase() && symbol !== "*";
      const name = symbol[0].toUpperCase() + symbol.slice(1);
      return { atom: { number: NUMBERS.get(name) ?? 0, aromatic: isAromatic, charge: 0, isotope: 0, hydrogens: null }, end: at + symbol.length };
    }
    const found = ATOM.exec(text.slice(at));
    if (!found) fail("no atom");
    const [whole, isotope, symbol, , hydrogens, charge] = found, name = symbol[0].toUpperCase() + symbol.slice(1);
    if (symbol !== "*" && !NUMBERS.has(name)) fail(`no element ${symbol}`);
    const digits = /\d+/.exec(charge), size = digits ? Number(digits[0]) : charge.length;
    return { atom: { number: NUMBERS.get(name) ?? 0, aromatic: symbol !== "*" && symbol === symbol.toLowerCase(), charge: charge.startsWith("-") ? -size : size,
      isotope: Number(isotope || 0), hydrogens: hydrogens ? Number(hydrogens.slice(1) || 1) : 0 }, end: at + whole.length };
  }

  function readBond(text, at) {
    if (text.startsWith("->", at) || text.startsWith("<-", at)) return { bond: 1, end: at + 2 };  // dative
    return text[at] in BONDS ? { bond: BONDS[text[at]], end: at + 1 } : null;
  }

  // Read the SMILES of a molecule, with hydrogens counted and rings found; throws an Error that says what is not understood.
  tool.readSmiles = (text) => {
    const graph = tool.readSkeleton(text, readAtom, readBond, new Graph());
    graph.atoms.forEach((atom, i) => {
      const sum = graph.near[i].reduce((total, { bond }) => total + graph.bonds[bond].order, 0);
      if (atom.hydrogens === null) {
        const valence = (VALENCES[atom.number] || []).find((most) => most >= (atom.aromatic ? Math.ceil(sum - 0.01) : sum));
        atom.hydrogens = valence === undefined || (atom.aromatic && atom.number !== 6) ? 0 : Math.max(0, Math.floor(valence - sum + 0.01));
      }
    });
    graph.atoms.forEach((atom, i) => {
      const drawn = graph.near[i].filter((n) => graph.atoms[n.atom].number === 1).length;
      atom.degree = graph.near[i].length;
      atom.connections = atom.degree + atom.hydrogens;
      atom.valence = Math.round(graph.near[i].reduce((total, { bond }) => total + graph.bonds[bond].order, 0) + atom.hydrogens);
      atom.hydrogens += drawn;
    });
    findRings(graph);
    return graph;
  };

  // Find a smallest set of smallest rings: the shortest ring through each bond that is independent of those found before.
  function findRings(graph) {
    const found = new Map(), count = graph.atoms.length;
    graph.bonds.forEach((bond, index) => {
      bond.ring = false;
      for (const start of graph.near[bond.a]) {
        if (start.bond === index) continue;
        const path = findPath(graph, start.atom, bond.b, bond.a, [index, start.bond]);
        if (!path) continue;
        bond.ring = true;
        const set = [...path.bonds, index, start.bond].reduce((bits, b) => bits | (1n << BigInt(b)), 0n);
        found.set(set, { set, atoms: [bond.a, ...path.atoms] });
      }
    });
    const parts = countParts(graph), wanted = graph.bonds.length - count + parts, basis = [], rings = [];
    for (const ring of [...found.values()].sort((a, b) => a.atoms.length - b.atoms.length)) {
      if (rings.length === wanted) break;
      let rest = ring.set;
      for (const known of basis) { const reduced = rest ^ known; if (reduced < rest) rest = reduced; }
      if (!rest) continue;
      basis.push(rest);
      basis.sort((a, b) => (a < b ? 1 : -1));
      rings.push(ring);
    }
    graph.atoms.forEach((atom, i) => {
      atom.rings = rings.filter((ring) => ring.atoms.includes(i)).map((ring) => ring.atoms.length);
      atom.ringBonds = graph.near[i].filter(({ bond }) => graph.bonds[bond].ring).length;
    });
  }

  function findPath(graph, from, to, without, used) {
    const before = new Map([[from, null]]), queue = [from];
    for (const atom of queue) {
      if (atom === to) {
        const path = { atoms: [], bonds: [] };
        for (let step = to, link; ; step = link.atom) {
          path.atoms.push(step);
          link = before.get(step);
          if (!link) return path;
          path.bonds.push(link.bond);
        }
      }
      for (const next of graph.near[atom]) {
        if (next.atom === without || before.has(next.atom) || used.includes(next.bond)) continue;
        before.set(next.atom, { atom, bond: next.bond });
        queue.push(next.atom);
      }
    }
    return null;
  }

  function countParts(graph) {
    const seen = new Set();
    let parts = 0;
    graph.atoms.forEach((_, i) => {
      if (seen.has(i)) return;
      parts++;
      const queue = [i];
      seen.add(i);
      for (const atom of queue) for (const next of graph.near[atom]) if (!seen.has(next.atom)) { seen.add(next.atom); queue.push(next.atom); }
    });
    return parts;
  }
})(globalThis.candidateTool ??= {});
