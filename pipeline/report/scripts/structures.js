"use strict";
// Parses, draws and searches structures with OpenChemLib.
((tool) => {
  const COLORS = [
    ["rgb(0,0,0)", "currentColor"], ["rgb(48,80,248)", "var(--N)"], ["rgb(255,13,13)", "var(--O)"], ["rgb(144,224,80)", "var(--F)"],
    ["rgb(31,240,31)", "var(--F)"], ["rgb(166,41,41)", "var(--Br)"], ["rgb(148,0,148)", "var(--Br)"], ["rgb(198,198,44)", "var(--S)"],
    ["rgb(255,128,0)", "var(--P)"], ["rgb(255,181,181)", "var(--P)"], ["rgb(240,200,160)", "var(--P)"],
  ];
  const OPTIONS = { autoCrop: true, autoCropMargin: 9, suppressChiralText: true, suppressESR: true, suppressCIPParity: true, noStereoProblem: true };
  const LARGEST = 200;  // atoms of a molecule that is drawn
  const SLICE = 40;  // milliseconds of a search after which the page may react

  class Structures {
    constructor(store) {
      this.store = store;
      this.parser = new tool.OCL.SmilesParser();
      this.searcher = new tool.OCL.SSSearcher();
      this.molecules = new Array(store.count);
      this.counts = new Array(store.count);
      this.drawings = new Map();
    }

    // The parsed molecule of a row, without coordinates; null where OpenChemLib cannot read it.
    read(row) {
      if (this.molecules[row] === undefined) {
        this.molecules[row] = this.parse(this.store.smiles(row));
        this.counts[row] = this.molecules[row] && countElements(this.molecules[row]);
      }
      return this.molecules[row];
    }

    parse(smiles) {
      if (!smiles) return null;
      try {
        const mol = this.parser.parseMolecule(smiles, { noCoordinates: true }).getCompactCopy();
        mol.ensureHelperArrays(tool.OCL.Molecule.cHelperRings);
        return mol;
      } catch { return null; }
    }

    // Parse all molecules in pieces that do not hold the page up.
    prepare() {
      let row = 0;
      const go = (deadline) => {
        const end = performance.now() + Math.min(12, deadline?.timeRemaining?.() || 12);
        while (row < this.store.count && performance.now() < end) this.read(row++);
        if (row < this.store.count) tool.whenIdle(go); else this.isReady = true;
      };
      tool.whenIdle(go);
    }

    // Draw a structure as an SVG element; `marked` maps atoms to the class of the disk behind them.
    draw(smiles, width = 220, height = 140, marked = new Map()) {
      const key = `${smiles}|${width}|${[...marked].join()}`;
      if (!this.drawings.has(key)) {
        if (this.drawings.size > 3000) this.drawings.clear();
        this.drawings.set(key, this.render(smiles, width, height, marked));
      }
      const drawn = this.drawings.get(key);
      return drawn ? drawn.cloneNode(true) : tool.make("span", { class: "ct-none" }, "no drawing");
    }

    render(smiles, width, height, marked) {
      let mol, text;
      try {
        mol = this.parser.parseMolecule(smiles);
        if (!smiles || mol.getAllAtoms() > LARGEST) return null;
        text = mol.toSVG(width, height, "ct", OPTIONS);
      } catch { return null; }
      for (const [color, own] of COLORS) text = text.replaceAll(`"${color}"`, `"${own}"`);
      const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      svg.querySelectorAll("style").forEach((style) => style.remove());
      const places = new Map();
      for (const spot of svg.querySelectorAll(".event")) {
        if (spot.tagName === "circle") places.set(Number(spot.id.split(":").pop()), [spot.getAttribute("cx"), spot.getAttribute("cy")]);
        spot.remove();
      }
      for (const [atom, kind] of marked) {
        if (!places.has(atom)) continue;
        const [cx, cy] = places.get(atom);
        svg.prepend(tool.makeSvg("circle", { class: `ct-mark ${kind}`, cx, cy, r: 9 }));
      }
      svg.removeAttribute("id");
      svg.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
      svg.setAttribute("class", "ct-mol");
      svg.setAttribute("aria-hidden", "true");
      return document.importNode(svg, true);
    }

    // Read a query as SMARTS, of which SMILES is a part; throws an Error that says what is not understood.
    readQuery(text) {
      const parser = new tool.OCL.SmilesParser({ smartsMode: "smarts", createSmartsWarnings: true });
      let fragment;
      try { fragment = parser.parseMolecule(text, { noCoordinates: true }); } catch (error) { throw new Error(explain(error, text)); }
      if (!fragment.getAllAtoms()) throw new Error("Nothing to search for: the structure has no atoms.");
      fragment.setFragment(true);
      fragment.ensureHelperArrays(tool.OCL.Molecule.cHelperRings);
      const warning = parser.getSmartsWarning();
      fragment.hasRecursion = text.includes("$");
      return { fragment, warning: warning ? `Not understood, and left out of the search: ${warning}` : "" };
    }

    // Find the rows that contain a fragment, as a mask; the page can be used meanwhile. Null where another search has begun since.
    async search(fragment) {
      const mask = new Uint8Array(this.store.count), least = fragment.hasRecursion ? new Map() : countElements(fragment, true);
      const searcher = new tool.OCL.SSSearcher(), mine = this.current = {};
      searcher.setFragment(fragment);
      let end = performance.now() + SLICE;
      for (let row = 0; row < mask.length; row++) {
        if (performance.now() > end) {
          await new Promise((done) => setTimeout(done, 0));
          if (this.current !== mine) return null;
          end = performance.now() + SLICE;
        }
        const mol = this.read(row);
        if (!mol || !hasElements(this.counts[row], least)) continue;
        searcher.setMolecule(mol);
        mask[row] = searcher.isFragmentInMolecule() ? 1 : 0;
      }
      return mask;
    }

    // Find the atoms of a row that a fragment matches first.
    match(fragment, row) {
      const mol = this.read(row);
      if (!mol) return [];
      this.searcher.setMol(fragment, mol);
      this.searcher.findFragmentInMolecule({ countMode: "firstMatch" });
      return (this.searcher.getMatchList()[0] || []).filter((atom) => atom >= 0);
    }

    // Compute the similarity of every row to a molecule; throws an Error where the molecule cannot be read.
    compare(smiles) {
      const row = this.store.data.values.smiles.indexOf(smiles);
      let wanted = row < 0 ? null : this.fingerprint(row);
      if (!wanted) {
        try { this.parser.parseMolecule(smiles, { noCoordinates: true }); } catch (error) { throw new Error(explain(error, smiles)); }
        const mol = this.parse(smiles);
        if (!mol || !mol.getAllAtoms()) throw new Error("Nothing to compare with: the structure has no atoms.");
        wanted = tool.computeFingerprint(mol);
      }
      return Float32Array.from({ length: this.store.count }, (_, i) => {
        const own = this.fingerprint(i);
        return own ? tool.compareFingerprints(own, wanted) : NaN;
      });
    }

    fingerprint(row) {
      this.bits ??= new Array(this.store.count);
      this.bits[row] ??= tool.readFingerprint(this.store.data.fingerprints[row]);
      return this.bits[row];
    }
  }

  function explain(error, text) {
    const words = String(error.message || error).replace(/^.*?SmilesParser:\s*/, "");
    return `\u201c${text}\u201d is not understood: ${words}`;
  }

  // Count the atoms of each element, and the aromatic ones; of a query, only hetero atoms that can be no other element.
  function countElements(mol, isQuery = false) {
    const counts = new Map(), add = (key) => counts.set(key, (counts.get(key) || 0) + 1);
    for (let atom = 0; atom < mol.getAllAtoms(); atom++) {
      const number = mol.getAtomicNo(atom);
      if (number < 2 || (isQuery && (number === 6 || mol.getAtomList(atom)))) continue;
      add(number);
      const features = isQuery && mol.getAtomQueryFeaturesObject(atom);
      if (isQuery ? features.aromatic : mol.isAromaticAtom(atom)) add(-number);
      else if (isQuery ? features.notAromatic : true) add(1000 + number);
    }
    return counts;
  }

  function hasElements(counts, least) {
    for (const [number, count] of least) if ((counts.get(number) || 0) < count) return false;
    return true;
  }

  tool.Structures = Structures;
})(globalThis.candidateTool ??= {});
