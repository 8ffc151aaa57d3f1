"use strict";
// The candidates as a table with virtual rows (Tabulator), over the same store as the cards.
((tool) => {
  const HEIGHT = 88, ROW = "candidate row";
  const isMissing = (value) => value === null || value === undefined || value === "";

  tool.makeTable = (store, structures, open) => {
    const root = tool.make("div", { class: "ct-table", hidden: true });
    const place = tool.make("div", { "aria-label": "candidates" });
    root.append(place);
    const drawn = new Map();  // the rows that were drawn, each with its box; the table keeps them, also those out of sight
    let table = null, isBuilt = false, isBusy = false, asked = [null, null];

    function build() {
      table = new tool.Tabulator(place, {
        data: Array.from({ length: store.count }, (_, row) => makeRow(row)), index: ROW, nestedFieldSeparator: false, height: "min(76vh, 900px)", rowHeight: HEIGHT, renderVerticalBuffer: 3 * HEIGHT,
        layout: "fitDataFill", columns: makeColumns(), headerSortTristate: false, placeholder: "No candidate passes all filters.",
        groupHeader: (name, count) => `${name || "none"} \u00b7 ${count}`, columnDefaults: { headerTooltip: true, resizable: "header" }, keybindings: false,
      });
      table.on("tableBuilt", () => {
        place.querySelector(".tabulator-tableholder").removeAttribute("tabindex");  // a grid may hold rows alone; its boxes can be reached
        isBuilt = true;
        refresh();
        if (store.group) group();
      });
      table.on("dataSorted", (sorters) => {
        if (!isBuilt || isBusy || !sorters.length) return;
        store.setSort(sorters[0].field, sorters[0].dir === "desc");
      });
    }

    function makeRow(row) {
      const data = { [ROW]: row };
      for (const column of store.columns) data[column.column] = store.data.values[column.column][row];
      return data;
    }

    function makeColumns() {
      const tick = { title: "\u2713", field: "tick", headerSort: false, frozen: true, width: 46, hozAlign: "center", headerHozAlign: "center", formatter: (cell) => {
        const row = cell.getData()[ROW];
        const box = tool.make("input", { type: "checkbox", checked: store.ticks.has(row), "data-row": row, "aria-label": `tick candidate ${store.get("rank", row)}`,
          onchange: (event) => store.tick([row], event.target.checked) });
        drawn.set(row, { box, line: cell.getRow() });
        return box;
      }, titleFormatter: () => tool.make("span", { class: "ct-hidden" }, "ticked") };
      const picture = { title: "structure", field: "smiles", width: 190, headerSort: false, formatter: (cell) => {
        const row = cell.getData()[ROW];
        return tool.make("button", { type: "button", class: "ct-open", "data-row": row, "aria-label": `candidate ${store.get("rank", row)}: all details`,
          onclick: () => open(row) }, structures.drawSoon(store.smiles(row), 170, 78, tool.findMarks(store, structures, row)));
      } };
      const similarity = { ...makeColumn({ column: tool.SIMILARITY, label: "similarity", kind: "number", decimals: 2, unit: "", basis: "" }), visible: false };
      const flags = { title: "flags", field: "alerts", minWidth: 150, sorter: compare, headerSort: store.byName.has("alerts"), formatter: (cell) => {
        const row = cell.getData()[ROW], badge = (text, kind) => tool.make("span", { class: `badge ${kind}` }, text);
        return tool.make("div", { class: "ct-badges" }, store.get("in_domain", row) === false && badge("outside the domain", "alert"),
          store.get("undefined_stereo", row) > 0 && badge(`undefined stereo: ${store.get("undefined_stereo", row)}`, "alert"),
          tool.splitList(store.get("unusual", row)).map((name) => badge(name, "unusual")),
          tool.splitList(store.get("alerts", row)).map((name) => badge(name, "alert")));
      } };
      const rank = store.byName.get("rank");
      const columns = [tick, { ...makeColumn(rank), width: 56 }, picture, similarity,
        ...store.listShown().filter((c) => c.column !== "undefined_stereo").map(makeColumn), flags];
      const sorted = store.byName.get(store.sort.column);  // a table sorts by its own columns alone
      if (sorted && !columns.some((c) => c.field === sorted.column)) columns.push({ ...makeColumn(sorted), visible: false });
      return columns;
    }

    function compare(x, y, a, b, at, direction) {
      if (isMissing(x) || isMissing(y)) return (isMissing(x) - isMissing(y)) * (direction === "asc" ? 1 : -1);  // missing values stay last
      return typeof x === "string" || typeof y === "string" ? tool.compareTexts(String(x), String(y)) : x - y;
    }

    function compareSimilarity(x, y, a, b) {
      return store.get(tool.SIMILARITY, a.getData()[ROW]) - store.get(tool.SIMILARITY, b.getData()[ROW]);
    }

    function makeColumn(column) {
      const isNumber = column.kind === "number";
      return {
        title: tool.nameColumn(column), field: column.column, hozAlign: isNumber ? "right" : "left", headerHozAlign: isNumber ? "right" : "left",
        sorter: column.column === tool.SIMILARITY ? compareSimilarity : compare, headerSortStartingDir: isNumber && column.column !== "rank" ? "desc" : "asc", width: isNumber ? 112 : undefined, minWidth: isNumber ? 80 : 120,
        maxInitialWidth: 240, cssClass: column.basis === "predicted" ? "ct-predicted" : "", headerTooltip: column.meaning || column.label,
        formatter: (cell) => {
          const row = cell.getData()[ROW], value = store.get(column.column, row), met = tool.isMet(column, value);
          return tool.make("span", {}, tool.formatCell(store, column, row), met ? tool.make("span", { class: "ok", title: "within the objective" }, " \u2713") : null);
        },
        titleFormatter: () => tool.make("button", { type: "button", class: "ct-title" }, column.column === "rank" ? "#" : column.label, column.unit ? tool.make("small", {}, ` ${column.unit}`) : null,
          column.basis === "predicted" || column.basis === "by your oracle" ? tool.make("small", { class: "ct-basis" }, ` ${column.basis}`) : null,
          column.aim ? tool.make("small", { class: "ct-aim" }, column.aim) : null),
      };
    }

    function refresh() {
      if (!isBuilt) return;
      isBusy = true;
      const { structure, similarity: query } = store.filters, isNew = structure !== asked[0] || query !== asked[1];
      const old = isNew ? [...drawn.values()] : [];  // drawn with the marks and numbers of an earlier search
      asked = [structure, query];
      const shown = new Set(store.visible), { column, descending } = store.sort, now = table.getSorters()[0];
      table.setFilter((data) => shown.has(data[ROW]));
      if (!now || now.field !== column || (now.dir === "desc") !== descending) {
        if (!table.getColumns().some((c) => c.getField() === column)) table.setColumns(makeColumns());
        table.setSort(column, descending ? "desc" : "asc");
      }
      const similarity = table.getColumn(tool.SIMILARITY);
      if (store.filters.similarity) similarity.show(); else similarity.hide();
      old.forEach(({ line }) => line.reformat());
      isBusy = false;
    }

    store.listen((what) => {
      if (root.hidden || !isBuilt) return;
      if (what === "ticks") {
        drawn.forEach(({ box }, row) => { box.checked = store.ticks.has(row); });
      } else if (what === "columns") {
        table.setColumns(makeColumns());
        refresh();
      } else if (what === "group") group();
      else refresh();
    });

    function group() { table.setGroupBy(store.group ? (data) => store.get(store.group, data[ROW]) ?? "" : false); }

    return {
      root,
      show() {
        if (!table) { build(); return; }
        if (!isBuilt) return;
        table.setColumns(makeColumns());
        table.redraw(true);
        refresh();
        group();
      },
      focus: (row) => place.querySelector(`.ct-open[data-row="${row}"]`)?.focus(),
    };
  };
})(globalThis.candidateTool ??= {});
