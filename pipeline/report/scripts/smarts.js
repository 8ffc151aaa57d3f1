"use strict";
// Reads SMARTS and finds them in molecules, with the meaning of Daylight and RDKit. Stereo is not compared.
((tool) => {
  const CHARGE = /^([+-])(\d+|\1*)/, ORDER = ["!", "&", ",", ";"];

  // -- atoms ----------------------------------------------------------------------------------------------------------

  const is = (field, wanted) => (atom) => atom[field] === wanted;

  // Read one primitive of an atom in brackets; returns the test and where it ends.
  function readPrimitive(text, at, fail) {
    const rest = text.slice(at), number = (pattern) => { const found = pattern.exec(rest); return found ? [found[1] === "" ? null : Number(found[1]), at + found[0].length] : null; };
    if (rest.startsWith("$(")) {
      let depth = 0, end = at + 1;
      do { if (text[end] === "(") depth++; if (text[end] === ")") depth--; end++; } while (depth && end <= text.length);
      if (depth) fail("a bracket is not closed");
      const inner = tool.readSmarts(text.slice(at + 2, end - 1), true);
      return [(atom, graph, index) => tool.findMatch(inner, graph, index) !== null, end];
    }
    if (rest[0] === "*") return [() => true, at + 1];
    const isotope = number(/^(\d+)/);
    if (isotope) return [is("isotope", isotope[0]), isotope[1]];
    const atomic = number(/^#(\d+)/);
    if (atomic) return [is("number", atomic[0]), atomic[1]];
    const charge = CHARGE.exec(rest);
    if (charge) {
      const size = /\d/.test(charge[2]) ? Number(charge[2]) : 1 + charge[2].length;
      return [is("charge", charge[1] === "-" ? -size : size), at + charge[0].length];
    }
    if (rest[0] === "@") return [() => true, at + /^@{1,2}\??/.exec(rest)[0].length];
    if (rest[0] === ":") return [() => true, at + /^:\d*/.exec(rest)[0].length];
    if (/^[A-Z][a-z]/.test(rest) && tool.NUMBERS.has(rest.slice(0, 2)) && !/^(Cn|Sc|No|Co|Cs|Sn|Pb|Nb|Np|Os|Ho|Hs|Po)/.test(rest)) {
      return [is("number", tool.NUMBERS.get(rest.slice(0, 2))), at + 2];
    }
    if (/^(Co|Sn|Pb|Os|Sc|Cs|Nb)/.test(rest)) return [is("number", tool.NUMBERS.get(rest.slice(0, 2))), at + 2];
    for (const [letter, test] of Object.entries({
      D: (n) => is("degree", n ?? 1), X: (n) => is("connections", n ?? 1), v: (n) => is("valence", n ?? 1),
      H: (n) => is("hydrogens", n ?? 1), h: (n) => (n === null ? (atom) => atom.hydrogens > 0 : is("hydrogens", n)),
      R: (n) => (n === null ? (atom) => atom.rings.length > 0 : (atom) => atom.rings.length === n),
      r: (n) => (n === null ? (atom) => atom.rings.length > 0 : (atom) => (n === 0 ? !atom.rings.length : atom.rings.length > 0 && Math.min(...atom.rings) === n)),
      x: (n) => (n === null ? (atom) => atom.ringBonds > 0 : is("ringBonds", n)),
    })) {
      const found = rest[0] === letter && number(new RegExp(`^${letter}(\\d*)`));
      if (found) return [test(found[0]), found[1]];
    }
    if (rest[0] === "A" || rest[0] === "a") return [is("aromatic", rest[0] === "a"), at + 1];
    const two = /^(se|as|te)/.exec(rest), symbol = two ? two[0] : rest[0], name = symbol[0].toUpperCase() + symbol.slice(1);
    if (!/[A-Za-z]/.test(symbol) || !tool.NUMBERS.has(name)) fail(`\u201c${symbol}\u201d is no property of an atom`);
    const wanted = tool.NUMBERS.get(name), isSmall = symbol === symbol.toLowerCase();
    return [(atom) => atom.number === wanted && atom.aromatic === isSmall, at + symbol.length];
  }

  // Read an expression with !, &, comma and ; (which bind in this order) up to a character that ends it.
  function readExpression(text, at, read, isEnd, fail) {
    const low = [[[]]];
    let isNegated = false, isNeeded = true;
    while (at < text.length && !isEnd(text, at)) {
      const letter = text[at];
      if (ORDER.includes(letter)) {
        if (letter === "!") isNegated = !isNegated;
        else if (isNeeded) fail(`\u201c${letter}\u201d needs something before it`);
        else if (letter === ",") low.at(-1).push([]);
        else if (letter === ";") low.push([[]]);
        isNeeded = true;
        at++;
        continue;
      }
      const [test, end] = read(text, at, fail), isNot = isNegated;
      low.at(-1).at(-1).push(isNot ? (...given) => !test(...given) : test);
      isNegated = isNeeded = false;
      at = end;
    }
    if (isNeeded) fail("an expression is empty");
    return { test: (...given) => low.every((any) => any.some((all) => all.every((test) => test(...given)))), end: at };
  }

  function readAtom(text, at, fail) {
    if (text[at] === "[") {
      const hydrogen = /^\[(\d*)H([+-]?\d*)\]/.exec(text.slice(at));  // [H] alone is the element
      if (hydrogen) return { atom: { test: is("number", 1), weight: 2 }, end: at + hydrogen[0].length };
      const { test, end } = readExpression(text, at + 1, readPrimitive, (t, i) => t[i] === "]", fail);
      if (text[end] !== "]") fail("a bracket is not closed");
      return { atom: { test, weight: /[NOSPFIBnos]|#(?!6\b)\d/.test(text.slice(at, end)) ? 2 : 1 }, end: end + 1 };
    }
    const found = /^(Cl|Br|[BCNOPSFI]|[bcnops]|[*Aa])/.exec(text.slice(at, at + 2));
    if (!found) fail("no atom");
    const symbol = found[0], wanted = tool.NUMBERS.get(symbol[0].toUpperCase() + symbol.slice(1)), isSmall = symbol === symbol.toLowerCase();
    const test = symbol === "*" ? () => true : symbol === "A" || symbol === "a" ? is("aromatic", symbol === "a") : (atom) => atom.number === wanted && atom.aromatic === isSmall;
    return { atom: { test, weight: wanted === undefined ? 0 : wanted === 6 ? 1 : 2 }, end: at + symbol.length };
  }

  // -- bonds ----------------------------------------------------------------------------------------------------------

  const BONDS = { "-": (b) => b.order === 1, "/": (b) => b.order === 1, "\\": (b) => b.order === 1, "=": (b) => b.order === 2, "#": (b) => b.order === 3,
    $: (b) => b.order === 4, ":": (b) => b.order === 1.5, "~": () => true, "@": (b) => b.ring };
  const isDefault = (bond) => bond.order === 1 || bond.order === 1.5;

  function readBond(text, at, fail) {
    if (!(text[at] in BONDS) && text[at] !== "!") return null;
    const isEnd = (t, i) => !(t[i] in BONDS) && !ORDER.includes(t[i]);
    const { test, end } = readExpression(text, at, (t, i) => [BONDS[t[i]], i + 1], isEnd, fail);
    return { bond: test, end };
  }

  // -- reading and matching -------------------------------------------------------------------------------------------

  class Query {
    constructor() { this.atoms = []; this.near = []; }

    addAtom(atom) { this.near.push([]); return this.atoms.push(atom) - 1; }

    addBond(a, b, test) {
      this.near[a].push({ atom: b, test: test ?? isDefault });
      this.near[b].push({ atom: a, test: test ?? isDefault });
    }
  }

  // Read a SMARTS; throws an Error that says what is not understood, and where.
  tool.readSmarts = (text, isRecursive = false) => {
    const query = tool.readSkeleton(text, readAtom, readBond, new Query());
    if (!query.atoms.length) throw new Error("Nothing to search for: the structure has no atoms.");
    query.plan = planOrder(query, isRecursive);
    return query;
  };

  // Order the atoms of a query so that each is bound to one before it, where it can be. The search begins with what is rare; a
  // recursive query begins with its first atom, which is the one in question.
  function planOrder(query, isRecursive) {
    const plan = [], placed = new Set(), starts = [...query.atoms.keys()];
    if (!isRecursive) starts.sort((a, b) => query.atoms[b].weight - query.atoms[a].weight);
    for (const start of starts) {
      if (placed.has(start)) continue;
      const queue = [start];
      placed.add(start);
      for (const atom of queue) {
        plan.push({ atom, links: query.near[atom].filter((link) => plan.some((step) => step.atom === link.atom)) });
        for (const link of query.near[atom]) if (!placed.has(link.atom)) { placed.add(link.atom); queue.push(link.atom); }
      }
    }
    return plan;
  }

  // Find a place of a query in a molecule: the atoms of the molecule by those of the query; null where there is none.
  tool.findMatch = (query, graph, first = null) => {
    const map = new Array(query.atoms.length).fill(-1), used = new Uint8Array(graph.atoms.length), { plan } = query;

    function place(step) {
      if (step === plan.length) return true;
      const { atom, links } = plan[step], test = query.atoms[atom].test;
      const from = step === 0 && first !== null ? [first] : links.length ? graph.near[map[links[0].atom]].map((near) => near.atom) : graph.atoms.keys();
      for (const candidate of from) {
        if (used[candidate] || !test(graph.atoms[candidate], graph, candidate) || !isLinked(links, candidate)) continue;
        map[atom] = candidate;
        used[candidate] = 1;
        if (place(step + 1)) return true;
        used[candidate] = 0;
      }
      return false;
    }

    function isLinked(links, candidate) {
      for (const link of links) {
        const near = graph.near[candidate].find((other) => other.atom === map[link.atom]);
        if (!near || !link.test(graph.bonds[near.bond])) return false;
      }
      return true;
    }

    return place(0) ? map : null;
  };
})(globalThis.candidateTool ??= {});
