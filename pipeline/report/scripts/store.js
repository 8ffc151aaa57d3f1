"use strict";
// Holds the candidates and what is chosen among them: filters, order, groups and ticks. All views show the same store.
((tool) => {
  const SIMILARITY = "similarity_to_query";
  const CODES = ["inchikey", "selfies", "unusual_atoms"];  // columns of texts that nobody reads word by word
  tool.SIMILARITY = SIMILARITY;

  class Store {
    constructor(data) {
      this.data = data;
      this.count = data.count;
      this.columns = data.columns;
      this.byName = new Map(data.columns.map((column) => [column.column, column]));
      this.listeners = [];
      this.added = new Set();
      this.sort = { column: "rank", descending: false };
      this.group = "";
      this.clearFilters(true);
      this.visible = [];
      this.ticks = new Set();
      this.readTicks();
      globalThis.addEventListener("storage", ({ key }) => {  // another tab of this report ticked something
        if (key !== null && key !== this.key()) return;
        this.readTicks();
        this.tellTicks();
      });
      this.apply();
    }

    get(column, row) {
      if (column === SIMILARITY) return this.filters.similarity ? this.filters.similarity.values[row] : null;
      const cells = this.data.values[column];
      return cells === undefined ? null : cells[row];
    }

    smiles(row) { return this.data.values.smiles[row] || ""; }

    // The columns of numbers that a person may sort, filter and plot by; those shown from the start come first.
    listNumbers() {
      const found = this.columns.filter((c) => c.kind === "number" && !c.column.endsWith("_std"));
      return [...found.filter((c) => c.is_shown), ...found.filter((c) => !c.is_shown)];
    }

    // The columns that a person may sort by: those of numbers, and texts that are numbers, as a catalogue has them.
    listSortable() {
      const isNumbers = (c) => c.kind === "text" && this.data.values[c.column].every((cell) => cell === null || cell === "" || tool.readNumber(String(cell)) !== null);
      return [...this.listNumbers(), ...this.columns.filter(isNumbers)];
    }

    listShown() { return this.columns.filter((c) => c.is_shown && c.column !== "rank"); }

    // The columns that a card has room for: the first ones that are shown from the start, and those that a person adds.
    listCardColumns() {
      const fits = (c) => !["undefined_stereo", "hit_probability"].includes(c.column) && !c.column.includes("similarity");
      this.first ??= new Set(this.listShown().filter(fits).slice(0, 5));
      return this.listShown().filter((column) => this.first.has(column) || this.added.has(column));
    }

    showColumn(name, isShown) {
      const column = this.byName.get(name);
      this.listCardColumns();
      column.is_shown = isShown;
      if (isShown) this.added.add(column); else this.added.delete(column);
      this.tell("columns");
    }

    // -- listeners ------------------------------------------------------------------------------------------------

    listen(act) { this.listeners.push(act); }

    tell(what) { for (const act of this.listeners) act(what); }

    // -- filters and order ----------------------------------------------------------------------------------------

    clearFilters(isQuiet) {
      this.filters = { text: "", ranges: new Map(), flags: new Set(), structure: null, similarity: null, brush: null, ticked: false };
      if (this.sort.column === SIMILARITY) this.sort = { column: "rank", descending: false };
      if (!isQuiet) this.apply("cleared");
    }

    describeFilters() {
      const { text, ranges, flags, structure, similarity, brush, ticked } = this.filters, found = [];
      if (text) found.push([`text: ${text}`, () => { this.filters.text = ""; }]);
      if (structure) found.push([`contains ${structure.query}`, () => { this.filters.structure = null; }]);
      if (similarity) {
        found.push([`similarity \u2265 ${tool.formatNumber(similarity.least, 2)} to ${similarity.query}`, () => {
          this.filters.similarity = null;
          if (this.sort.column === SIMILARITY) this.sort = { column: "rank", descending: false };
        }]);
      }
      for (const [name, [low, high]] of ranges) {
        const column = this.byName.get(name), show = (value) => tool.formatLimit(value, column.decimals);
        const words = low === null ? `\u2264 ${show(high)}` : high === null ? `\u2265 ${show(low)}` : `${show(low)} to ${show(high)}`;
        found.push([`${column.label} ${words}`, () => ranges.delete(name)]);
      }
      for (const name of flags) found.push([tool.FLAGS[name].label, () => flags.delete(name)]);
      if (brush) found.push([`in the box of the ${brush.name}`, () => { this.filters.brush = null; }]);
      if (ticked) found.push(["ticked only", () => { this.filters.ticked = false; }]);
      return found;
    }

    // Compute which rows pass the filters, and their order.
    apply(what = "rows") {
      const { text, ranges, flags, structure, similarity, brush, ticked } = this.filters, found = [];
      const isFound = text.trim() && this.makeTextTest(text.trim());
      const limits = [...ranges].map(([name, [low, high]]) => [this.data.values[name], low ?? -Infinity, high ?? Infinity]);
      const tests = [...flags].map((name) => tool.FLAGS[name].test);
      rows: for (let row = 0; row < this.count; row++) {
        if (ticked && !this.ticks.has(row)) continue;
        if (structure && !structure.mask[row]) continue;
        if (similarity && !(similarity.values[row] >= similarity.least)) continue;
        if (brush && !brush.mask[row]) continue;
        for (const [cells, low, high] of limits) {
          if (!(cells[row] !== null && cells[row] >= low && cells[row] <= high)) continue rows;
        }
        for (const test of tests) if (!test(this, row)) continue rows;
        if (isFound && !isFound(row)) continue;
        found.push(row);
      }
      this.visible = this.order(found);
      this.tell(what);
    }

    order(rows) {
      const { column, descending } = this.sort, sign = descending ? -1 : 1;
      const isMissing = (value) => value === null || value === undefined || value === "";
      return rows.sort((a, b) => {
        const x = this.get(column, a), y = this.get(column, b);
        if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y) || a - b;  // missing values stay last
        if (typeof x === "string" || typeof y === "string") return sign * tool.compareTexts(String(x), String(y)) || a - b;
        return sign * (x - y) || a - b;
      });
    }

    setSort(column, descending) {
      if (this.sort.column === column && this.sort.descending === descending) return;
      this.sort = { column, descending };
      this.apply("order");
    }

    setGroup(column) {
      this.group = column;
      this.tell("group");
    }

    // The visible rows in groups, the largest first; one group without a name where nothing is grouped by.
    listGroups() {
      if (!this.group) return [{ name: null, rows: this.visible }];
      const groups = new Map();
      for (const row of this.visible) {
        const name = this.get(this.group, row) ?? "";
        if (!groups.has(name)) groups.set(name, []);
        groups.get(name).push(row);
      }
      return [...groups].map(([name, rows]) => ({ name, rows })).sort((a, b) => b.rows.length - a.rows.length);
    }

    // Make the test whether a row has a text: it is the whole rank or the whole of a cell, as a name, a SMILES or a key is pasted; or the
    // texts that a person reads hold each of its words, unless it is a number, which is in many of them.
    makeTextTest(text) {
      const all = this.columns.filter((c) => c.kind !== "number" && c.kind !== "flag"), small = text.toLowerCase();
      const cells = all.map((c) => [this.data.values[c.column], c.kind === "structure"]), words = tool.readNumber(text) === null ? small.split(/\s+/) : null;
      const isWhole = (cell, isStructure) => cell === text || (!isStructure && typeof cell === "string" && cell.toLowerCase() === small);  // of SMILES capitals count
      this.texts ??= this.listTexts();
      return (row) => String(this.get("rank", row)) === text || cells.some(([column, isStructure]) => isWhole(column[row], isStructure))
        || (words !== null && words.every((word) => this.texts[row].includes(word)));
    }

    listTexts() {
      const cells = this.columns.filter((c) => ["text", "list"].includes(c.kind) && !CODES.includes(c.column)).map((c) => this.data.values[c.column]);
      return Array.from({ length: this.count }, (_, row) => cells.map((column) => column[row] ?? "").join("\n").toLowerCase());
    }

    // -- ticks ----------------------------------------------------------------------------------------------------

    // Tick rows or take their ticks away; what another tab of this report ticked meanwhile stays.
    tick(rows, isTicked) {
      this.readTicks();
      for (const row of rows) {
        if (isTicked) this.ticks.add(row); else this.ticks.delete(row);
      }
      this.writeTicks();
      this.tellTicks();
    }

    tellTicks() { if (this.filters.ticked) this.apply(); else this.tell("ticks"); }

    listTicked() { return [...this.ticks].sort((a, b) => a - b); }

    // Name each row as its tick is kept: by its SMILES, with a number where rows before it have the same one.
    nameRows() {
      const counts = new Map();
      return this.data.values.smiles.map((smiles) => {
        const count = (counts.get(smiles) ?? 0) + 1;
        counts.set(smiles, count);
        return count > 1 ? `${smiles ?? ""} ${count}` : smiles ?? "";
      });
    }

    // Read the ticks that the browser keeps; where it refuses to keep any for a file, those of the page stay.
    readTicks() {
      if (this.isRefused) return;
      this.names ??= this.nameRows();
      this.rows ??= new Map(this.names.map((name, row) => [name, row]));
      try {
        const kept = JSON.parse(localStorage.getItem(this.key()) || "[]");
        this.ticks = new Set(kept.map((name) => this.rows.get(name)).filter((row) => row !== undefined));
      } catch { this.isRefused = true; }
    }

    writeTicks() {
      try {
        if (this.ticks.size) localStorage.setItem(this.key(), JSON.stringify(this.listTicked().map((row) => this.names[row])));
        else localStorage.removeItem(this.key());
      } catch { this.isRefused = true; }
    }

    key() { return `chem-vae ticked ${this.data.run_id || this.data.title}`; }
  }

  // Read a text that is a number, also one with thousands separators, an exponent, or the sign of a bound; null for any other text.
  const NUMBER = /^[<>]?\s*[-+]?(\d+|\d{1,3}(,\d{3})+|(?=\.\d))(\.\d*)?(e[-+]?\d+)?$/i;
  tool.readNumber = (text) => (NUMBER.test(text.trim()) ? Number(text.replace(/[<>,\s]/g, "")) : null);

  // Compare two texts: numbers by their values and before all other texts, these with the numbers in them by value.
  const collator = new Intl.Collator("en", { numeric: true });
  tool.compareTexts = (a, b) => {
    const x = tool.readNumber(a), y = tool.readNumber(b);
    if (x !== null && y !== null) return x - y || 0;
    return x !== null ? -1 : y !== null ? 1 : collator.compare(a, b);
  };
  tool.FLAGS = {
    within: { label: "within target", columns: ["within_target"], test: (s, row) => s.get("within_target", row) === true },
    clean: { label: "free of alerts", columns: ["alerts"], test: (s, row) => !s.get("alerts", row) },
    usual: { label: "nothing unusual", columns: ["unusual"], test: (s, row) => !s.get("unusual", row) },
    novel: { label: "novel", columns: ["novel"], test: (s, row) => s.get("novel", row) === true },
    domain: { label: "in the domain of the predictions", columns: ["in_domain"], test: (s, row) => s.get("in_domain", row) === true },
    stereo: { label: "no undefined stereo", columns: ["undefined_stereo"], test: (s, row) => !s.get("undefined_stereo", row) },
  };
  tool.Store = Store;
})(globalThis.candidateTool ??= {});
