"use strict";
// Draws structures with OpenChemLib, and finds substructures and similar molecules.
((tool) => {
  const COLORS = [
    ["rgb(0,0,0)", "currentColor"], ["rgb(48,80,248)", "var(--N)"], ["rgb(255,13,13)", "var(--O)"], ["rgb(144,224,80)", "var(--F)"],
    ["rgb(31,240,31)", "var(--F)"], ["rgb(166,41,41)", "var(--Br)"], ["rgb(148,0,148)", "var(--Br)"], ["rgb(198,198,44)", "var(--S)"],
    ["rgb(255,128,0)", "var(--P)"], ["rgb(255,181,181)", "var(--P)"], ["rgb(240,200,160)", "var(--P)"],
  ];
  const OPTIONS = { autoCrop: true, autoCropMargin: 9, suppressChiralText: true, suppressESR: true, suppressCIPParity: true, noStereoProblem: true };
  const LARGEST = 200;  // atoms of a molecule that is drawn
  const SMALL = { 6: "c", 7: "n", 8: "o", 16: "s" };
  const FRAME = 16;  // milliseconds of drawing in a frame
  const SLICE = 40;  // milliseconds of a search after which the page may react

  class Structures {
    constructor(store) {
      this.store = store;
      this.parser = new tool.OCL.SmilesParser();
      this.molecules = new Array(store.count);
      this.drawings = new Map();
      this.waiting = [];
    }

    // The molecule of a row as a graph; null where its SMILES cannot be read.
    read(row) {
      if (this.molecules[row] === undefined) {
        try { this.molecules[row] = tool.readSmiles(this.store.smiles(row)); } catch { this.molecules[row] = null; }
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

    // Read all molecules in pieces that do not hold the page up.
    prepare() {
      let row = 0;
      const go = (deadline) => {
        const end = performance.now() + Math.min(12, deadline?.timeRemaining?.() || 12);
        while (row < this.store.count && performance.now() < end) this.read(row++);
        if (row < this.store.count) tool.whenIdle(go); else this.isReady = true;
      };
      tool.whenIdle(go);
    }

    // Draw a structure as an SVG element, or say why it is not drawn; `marked` maps atoms to the class of the disk behind them.
    draw(smiles, width = 220, height = 140, marked = new Map()) {
      const key = this.key(smiles, width, marked);
      if (!this.drawings.has(key)) {
        if (this.drawings.size > 3000) this.drawings.clear();
        this.drawings.set(key, this.render(smiles, width, height, marked));
      }
      const drawn = this.drawings.get(key);
      return drawn ? drawn.cloneNode(true) : tool.make("span", { class: "ct-none" }, "no drawing");
    }

    // Leave room for a drawing, and draw it between two frames, so that a table of many new rows is there at once; what the page shows goes first.
    drawSoon(smiles, width, height, marked) {
      if (this.drawings.has(this.key(smiles, width, marked))) return this.draw(smiles, width, height, marked);
      const place = tool.make("span", { class: "ct-soon" });
      if (this.waiting.push({ place, draw: () => this.draw(smiles, width, height, marked) }) === 1) requestAnimationFrame(() => this.drawWaiting());
      return place;
    }

    drawWaiting() {
      const end = performance.now() + FRAME;
      while (this.waiting.length && performance.now() < end) {
        const first = Math.max(0, this.waiting.findIndex(({ place }) => place.isConnected)), [next] = this.waiting.splice(first, 1);
        next.place.replaceWith(next.draw());
      }
      if (this.waiting.length) requestAnimationFrame(() => this.drawWaiting());
    }

    key(smiles, width, marked) { return `${smiles}|${width}|${[...marked].join()}`; }

    render(smiles, width, height, marked) {
      let mol, text;
      try {
        if (!smiles || !tool.readSmiles(smiles).atoms.length) return null;  // it throws an error where OpenChemLib would guess
        mol = this.parser.parseMolecule(smiles);
        if (mol.getAllAtoms() > LARGEST) return tool.make("span", { class: "ct-none" }, `${mol.getAllAtoms()} atoms: too large to draw`);
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
        svg.prepend(tool.makeSvg("circle", { class: `ct-mark ${kind}`, cx, cy, r: 7.5 }));
      }
      svg.removeAttribute("id");
      svg.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
      svg.setAttribute("class", "ct-mol");
      svg.setAttribute("aria-hidden", "true");
      return document.importNode(svg, true);
    }

    // Read a query as SMARTS, of which SMILES is a part; throws an Error that says what is not understood.
    readQuery(text) {
      const told = this.isKekule(text) && this.writeSmarts(this.parse(text));
      return { fragment: tool.readSmarts(told || text), note: told ? `Read with aromatic rings: ${told}` : "" };
    }

    // Whether a text is a SMILES with an aromatic ring that is written with single and double bonds.
    isKekule(text) {
      if (!/=/.test(text) || !/\d/.test(text) || /[$!,;~*&]|\[#|[bcnops]/.test(text.replace(/Cl|Br|\[[A-Z][a-z]?/g, ""))) return false;
      const mol = this.parse(text);
      return Boolean(mol) && tool.findAromaticBonds(mol).size > 0;
    }

    // Write a drawn structure as SMARTS: an atom is its element, and rings that are aromatic are written as such.
    writeSmarts(mol) {
      mol.ensureHelperArrays(tool.OCL.Molecule.cHelperRings);
      const aromatic = tool.findAromaticBonds(mol), seen = new Set(), rings = new Map(), parts = [];
      const isAromatic = (atom) => [...aromatic].some((bond) => mol.getBondAtom(0, bond) === atom || mol.getBondAtom(1, bond) === atom);
      const writeBond = (bond) => (aromatic.has(bond) ? "" : ["~", "-", "=", "#"][mol.getBondOrder(bond)] ?? "~");
      const writeAtom = (atom) => {
        const charge = mol.getAtomCharge(atom), mass = mol.getAtomMass(atom), small = SMALL[mol.getAtomicNo(atom)];
        if (isAromatic(atom) && small && !charge && !mass) return small;
        return `[${mass || ""}#${mol.getAtomicNo(atom)}${isAromatic(atom) ? ";a" : ""}${charge ? `;${charge > 0 ? "+" : "-"}${Math.abs(charge)}` : ""}]`;
      };
      const list = (atom) => Array.from({ length: mol.getConnAtoms(atom) }, (_, i) => [mol.getConnAtom(atom, i), mol.getConnBond(atom, i)]);
      const tree = new Set();
      const grow = (atom) => {
        seen.add(atom);
        for (const [next, bond] of list(atom)) if (!seen.has(next)) { tree.add(bond); grow(next); }
      };
      const write = (atom, from) => {
        let text = writeAtom(atom);
        for (const [, bond] of list(atom)) {
          if (tree.has(bond)) continue;
          const isSecond = rings.has(bond), number = isSecond ? rings.get(bond) : rings.size + 1;
          rings.set(bond, number);
          text += `${isSecond ? "" : writeBond(bond)}${number > 9 ? `%${String(number).padStart(2, "0")}` : number}`;
        }
        const next = list(atom).filter(([, bond]) => tree.has(bond) && bond !== from);
        return text + next.map(([other, bond], i) => {
          const branch = writeBond(bond) + write(other, bond);
          return i < next.length - 1 ? `(${branch})` : branch;
        }).join("");
      };
      for (let atom = 0; atom < mol.getAtoms(); atom++) if (!seen.has(atom)) { grow(atom); parts.push(write(atom, -1)); }
      return parts.join(".");
    }

    stopSearch() { this.current = null; }

    // Find the rows that contain a fragment, as a mask; the page can be used meanwhile. Null where it was stopped, or another search has begun since.
    async search(fragment) {
      const mask = new Uint8Array(this.store.count), mine = this.current = {};
      let end = performance.now() + SLICE;
      for (let row = 0; row < mask.length; row++) {
        if (performance.now() > end) {
          await new Promise((done) => setTimeout(done, 0));
          if (this.current !== mine) return null;
          end = performance.now() + SLICE;
        }
        const graph = this.read(row);
        mask[row] = graph && tool.findMatch(fragment, graph) ? 1 : 0;
      }
      return mask;
    }

    // Find the atoms of a row that a fragment matches first.
    match(fragment, row) {
      const graph = this.read(row);
      return (graph && tool.findMatch(fragment, graph)) || [];
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

  tool.Structures = Structures;
})(globalThis.candidateTool ??= {});
