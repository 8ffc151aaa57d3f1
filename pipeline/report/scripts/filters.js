"use strict";
// The panel of filters: text, structure, yes or no, and a range for each column of numbers.
((tool) => {
  const FIRST = 8, BINS = 28, STEPS = 200;

  tool.makeFilters = (store, structures) => {
    const parts = [makeStructureFilter(store, structures), makeFlags(store)];
    const numbers = store.listNumbers().filter((c) => !["rank", "undefined_stereo"].includes(c.column) && spans(store, c));
    const ranges = numbers.slice(0, FIRST).map((column) => makeRange(store, column));
    const rest = numbers.slice(FIRST);
    const more = rest.length && tool.make("details", { class: "ct-more", ontoggle: (event) => {
      if (event.target.open && event.target.childElementCount === 1) {
        event.target.append(...rest.map((column) => makeRange(store, column)));
      }
    } }, tool.make("summary", {}, `${rest.length} more ${rest.length === 1 ? "column" : "columns"}`));
    return tool.make("form", { class: "ct-filters", id: "ct-filters", "aria-label": "filters", onsubmit: (event) => event.preventDefault() },
      parts, tool.make("fieldset", { class: "ct-ranges" }, tool.make("legend", {}, "Values"), ranges, more));
  };

  function spans(store, column) {
    const cells = store.data.values[column.column].filter((value) => value !== null);
    return cells.length > 1 && Math.min(...cells) < Math.max(...cells);
  }

  // -- structure ------------------------------------------------------------------------------------------------------

  function makeStructureFilter(store, structures) {
    const field = tool.make("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: "SMILES or SMARTS",
      "aria-label": "structure to search for, as SMILES or SMARTS", class: "ct-structure" });
    const told = tool.make("p", { class: "ct-told", role: "status" });
    const mode = (value, text, checked) => tool.make("label", {}, tool.make("input", { type: "radio", name: "ct-mode", value, checked,
      onchange: () => { least.hidden = value !== "similar"; if (field.value.trim()) search(); } }), text);
    const number = tool.make("output", {}, "0.40");
    const slider = tool.make("input", { type: "range", min: 0.1, max: 1, step: 0.01, value: 0.4, "aria-label": "least similarity",
      oninput: () => {
        number.textContent = Number(slider.value).toFixed(2);
        if (store.filters.similarity) { store.filters.similarity.least = Number(slider.value); apply(); }
      } });
    const apply = tool.delay(() => store.apply(), 40);
    const least = tool.make("label", { class: "ct-least", hidden: true,
      title: "Tanimoto similarity of ECFP4 fingerprints, as in the other columns of similarity" }, "at least ", slider, number);
    const isSimilar = () => form.querySelector("input[value=similar]").checked;

    let isSearched = false;  // a text that was not searched yet is nobody's filter, and stays

    async function search() {
      const text = field.value.trim();
      told.textContent = "";
      isSearched = false;
      structures.stopSearch();
      store.filters.structure = store.filters.similarity = null;
      try {
        if (text && isSimilar()) {
          store.filters.similarity = { query: text, values: structures.compare(text), least: Number(slider.value) };
          store.sort = { column: tool.SIMILARITY, descending: true };
        } else if (text) {
          const { fragment, note } = structures.readQuery(text);
          const mask = await structures.search(fragment);
          if (mask === null) return;  // something else is searched for by now
          store.filters.structure = { query: text, fragment, mask };
          told.textContent = note;
        }
      } catch (error) {
        told.textContent = error.message;
      }
      field.setAttribute("aria-invalid", String(Boolean(told.textContent) && !store.filters.structure && !store.filters.similarity));
      if (!store.filters.similarity && store.sort.column === tool.SIMILARITY) store.sort = { column: "rank", descending: false };
      isSearched = Boolean(store.filters.structure || store.filters.similarity);
      store.apply();
    }

    const form = tool.make("fieldset", { class: "ct-search" }, tool.make("legend", {}, "Structure"),
      tool.make("div", { class: "ct-line" }, field, tool.makeButton("Draw", () =>
        tool.openEditor(structures, field.value.trim(), (smarts) => { field.value = smarts; search(); }), { "aria-haspopup": "dialog" })),
      tool.make("div", { class: "ct-line ct-modes" }, mode("contains", "contains", true), mode("similar", "similar to", false),
        tool.makeButton("Search", search, { class: "ct-button ct-go" })),
      least, told);
    field.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); search(); } });
    field.addEventListener("input", () => { if (!field.value) search(); });
    store.listen(() => {  // a filter that was taken away elsewhere leaves the field, too
      if (!isSearched || store.filters.structure || store.filters.similarity) return;
      field.value = told.textContent = "";
      isSearched = false;
    });
    tool.searchSimilar = (smiles) => {
      form.querySelector("input[value=similar]").checked = true;
      least.hidden = false;
      field.value = smiles;
      search();
    };
    return form;
  }

  // -- yes or no ------------------------------------------------------------------------------------------------------

  function makeFlags(store) {
    const there = Object.entries(tool.FLAGS).filter(([, flag]) => flag.columns.every((name) => store.byName.has(name)));
    const boxes = there.map(([name, flag]) => {
      const count = Array.from({ length: store.count }, (_, row) => row).filter((row) => flag.test(store, row)).length;
      const box = tool.make("input", { type: "checkbox", value: name, onchange: () => {
        if (box.checked) store.filters.flags.add(name); else store.filters.flags.delete(name);
        store.apply();
      } });
      store.listen(() => { box.checked = store.filters.flags.has(name); });
      return count && count < store.count && tool.make("label", {}, box, flag.label, tool.make("small", {}, count.toLocaleString("en-US")));
    }).filter(Boolean);
    return boxes.length ? tool.make("fieldset", { class: "ct-flags" }, tool.make("legend", {}, "Show only"), boxes) : null;
  }

  // -- ranges ---------------------------------------------------------------------------------------------------------

  function makeRange(store, column) {
    const cells = store.data.values[column.column].filter((value) => value !== null);
    const low = Math.min(...cells), high = Math.max(...cells);
    // A column without fixed decimals is cut into steps by a power of ten.
    const digits = column.decimals ?? Math.min(100, -Math.floor(Math.log10((high - low) / STEPS))), unit = 10 ** -digits, fixed = Math.max(0, digits);
    const round = (value) => Number(value.toFixed(fixed));
    const write = (value) => (column.decimals === null || round(value) !== value ? String(value) : value.toFixed(fixed));  // what was typed is shown as it was
    const floor = (value) => round(Math.floor(value / unit + 1e-9) * unit), ceil = (value) => round(Math.ceil(value / unit - 1e-9) * unit);
    const at = (step) => round(Math.round((low + (high - low) * step / STEPS) / unit) * unit);
    const toStep = (value) => Math.round(STEPS * (value - low) / (high - low));
    const name = tool.nameColumn(column);
    const number = (words, read) => tool.make("input", { type: "number", step: "any", "aria-label": `${name}, ${words}`, onchange: read, onblur: () => show() });
    const slider = (value, words, slide) => tool.make("input", { type: "range", min: 0, max: STEPS, value, "aria-label": `${name}, ${words}`, oninput: slide });
    const from = number("at least", readLower), to = number("at most", readUpper);
    const left = slider(0, "lower end", slideLower), right = slider(STEPS, "upper end", slideUpper);
    const bars = makeHistogram(cells, low, high);
    const apply = tool.delay(() => store.apply(), 30);

    const getEnds = () => store.filters.ranges.get(column.column) ?? [null, null];

    // Change one end alone: the other stays as it was given, which sliders and fields show rounded.
    function setLower(lower) { set(lower, getEnds()[1]); }
    function setUpper(upper) { set(getEnds()[0], upper); }

    function set(lower, upper) {
      if (lower === null && upper === null) store.filters.ranges.delete(column.column);
      else store.filters.ranges.set(column.column, [lower, upper]);
      show();
      apply();
    }

    function slideLower() {
      const step = Math.min(Number(left.value), Number(right.value));
      setLower(step <= 0 ? null : Math.min(at(step), getEnds()[1] ?? high));
    }

    function slideUpper() {
      const step = Math.max(Number(left.value), Number(right.value));
      setUpper(step >= STEPS ? null : Math.max(at(step), getEnds()[0] ?? low));
    }

    function readLower() { setLower(from.value !== "" && Number(from.value) > low ? Number(from.value) : null); }
    function readUpper() { setUpper(to.value !== "" && Number(to.value) < high ? Number(to.value) : null); }

    function show() {
      const [a, b] = getEnds();
      // A field that somebody types in keeps its text: the rows of an earlier change may be shown meanwhile.
      if (document.activeElement !== from) from.value = write(a ?? floor(low));
      if (document.activeElement !== to) to.value = write(b ?? ceil(high));
      left.value = a === null ? 0 : Math.max(0, toStep(a));
      right.value = b === null ? STEPS : Math.min(STEPS, toStep(b));
      bars.querySelectorAll("rect").forEach((bar, i) => {
        const middle = low + (high - low) * (i + 0.5) / BINS;
        bar.classList.toggle("ct-out", (a !== null && middle < a) || (b !== null && middle > b));
      });
      box.classList.toggle("ct-active", a !== null || b !== null);
    }

    const basis = column.basis === "predicted" ? tool.make("span", { class: "badge predicted" }, "predicted") : null;
    const box = tool.make("div", { class: "ct-range", role: "group", "aria-label": name, title: column.meaning },
      tool.make("div", { class: "ct-name" }, tool.make("span", {}, name), basis),
      bars, tool.make("div", { class: "ct-sliders" }, left, right),
      tool.make("div", { class: "ct-ends" }, from, tool.make("span", {}, "to"), to));
    store.listen((what) => { if (what !== "ticks") show(); });
    show();
    return box;
  }

  function makeHistogram(cells, low, high) {
    const counts = new Array(BINS).fill(0);
    for (const value of cells) counts[Math.min(BINS - 1, Math.floor(BINS * (value - low) / (high - low)))]++;
    const most = Math.max(...counts);
    return tool.makeSvg("svg", { class: "ct-bars", viewBox: `0 0 ${BINS * 4} 24`, preserveAspectRatio: "none", "aria-hidden": "true" },
      counts.map((count, i) => {
        const height = count ? Math.max(1, 24 * count / most) : 0;
        return tool.makeSvg("rect", { x: i * 4, y: 24 - height, width: 3.2, height });
      }));
  }
})(globalThis.candidateTool ??= {});
