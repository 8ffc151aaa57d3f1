"use strict";
// The dialog about one candidate: a large drawing and everything that is known of it. Arrow keys go on to the next.
((tool) => {
  const NEAREST = [["nearest_measured_", "Nearest measured molecule"], ["nearest_training_", "Nearest training molecule"]];

  tool.makeDetail = (store, structures, focus) => {
    const title = tool.make("h3", { id: "ct-detail-title" }), body = tool.make("div", { class: "ct-body", tabindex: "-1" });
    const place = tool.make("span", { class: "ct-place", role: "status" });
    const tick = tool.make("input", { type: "checkbox", onchange: () => store.tick([at], tick.checked) });
    const before = tool.makeButton("\u2190", () => move(-1), { "aria-label": "previous candidate", title: "previous (left arrow)" });
    const after = tool.makeButton("\u2192", () => move(1), { "aria-label": "next candidate", title: "next (right arrow)" });
    const dialog = tool.make("dialog", { class: "ct-dialog ct-detail", "aria-labelledby": "ct-detail-title", onclose: () => focus(at),
      onclick: (event) => { if (event.target === dialog) dialog.close(); } },
      tool.make("header", {}, before, after, title, place, tool.make("label", { class: "ct-tick" }, tick, "on the shortlist"),
        tool.makeButton("\u00d7", () => dialog.close(), { class: "ct-button ct-close", "aria-label": "close" })), body);
    document.body.append(dialog);
    let at = 0;

    dialog.addEventListener("keydown", (event) => {
      if (event.target.matches("input[type=text], textarea") || event.altKey || event.ctrlKey || event.metaKey) return;
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { event.preventDefault(); move(step); }
    });

    function move(step) {
      const rows = order(), place = rows.indexOf(at), next = rows[place + step];
      if (next !== undefined) show(next);
    }

    const order = () => (store.group ? store.listGroups().flatMap((group) => group.rows) : store.visible);

    function show(row) {
      at = row;
      const rows = order(), place_of = rows.indexOf(row);
      title.textContent = `Candidate ${store.get("rank", row)}`;
      place.textContent = place_of < 0 ? "" : `${place_of + 1} of ${rows.length}`;
      before.disabled = place_of <= 0;
      after.disabled = place_of < 0 || place_of === rows.length - 1;
      tick.checked = store.ticks.has(row);
      body.replaceChildren(makePicture(row), makeFacts(row));
      if (!dialog.open) dialog.showModal();
      body.scrollTop = 0;
    }

    // -- the drawing with its marks -----------------------------------------------------------------------------------

    function makePicture(row) {
      const smiles = store.smiles(row), canvas = tool.make("div", { class: "ct-large", role: "img", "aria-label": `structure of candidate ${store.get("rank", row)}` });
      const alerts = new Set(tool.splitList(store.get("alerts", row))), marks = store.data.marks[row] || {};
      const draw = (atoms) => canvas.replaceChildren(structures.draw(smiles, 460, 320, atoms));
      const all = () => draw(tool.findMarks(store, structures, row));
      all();
      const names = [...alerts, ...tool.splitList(store.get("unusual", row))].map((name) => {
        const kind = alerts.has(name) ? "ct-alert" : "ct-unusual";
        const one = () => draw(new Map((marks[name] || []).map((atom) => [atom, kind])));
        return tool.make("button", { type: "button", class: `badge ${alerts.has(name) ? "alert" : "unusual"}`, onmouseenter: one, onmouseleave: all,
          onfocus: one, onblur: all, title: "shows its atoms" }, alerts.has(name) ? name : `unusual: ${name}`);
      });
      const copy = tool.makeButton("Copy SMILES", () => tool.copyText(smiles).then(() => { copy.textContent = "Copied"; }, () => {}));
      return tool.make("div", { class: "ct-side" }, canvas,
        names.length ? tool.make("p", { class: "ct-badges" }, names) : tool.make("p", { class: "ct-quiet" }, "No structural alert, nothing unusual."),
        tool.make("p", { class: "smiles" }, smiles || tool.DASH),
        tool.make("p", { class: "ct-line" }, copy, tool.makeButton("Find similar", () => { dialog.close(); tool.searchSimilar(smiles); }),
          tool.makeButton("Save picture", () => tool.saveSvg(canvas.querySelector("svg"), `${tool.nameFile(store)}-${store.get("rank", row)}.png`))));
    }

    // -- the facts ----------------------------------------------------------------------------------------------------

    function makeFacts(row) {
      const values = store.columns.filter((c) => c.kind === "number" && c.property && !c.column.endsWith("_std"));
      const asked = values.filter((c) => c.is_objective), others = values.filter((c) => !c.is_objective && store.get(c.column, row) !== null);
      const chance = store.byName.get("hit_probability");
      const own = store.columns.filter((c) => !values.includes(c) && isFact(c) && !isEmpty(store.get(c.column, row)));
      return tool.make("div", { class: "ct-facts" },
        makeTable("Asked for", [...asked, ...(chance ? [chance] : [])], row), makeTable("Properties", others, row),
        NEAREST.map(([prefix, name]) => makeNeighbor(prefix, name, row)), makeLineage(row), makeIsomers(row), makeTable("More", own, row));
    }

    const isEmpty = (value) => value === null || value === undefined || value === "";
    const isFact = (c) => !c.column.endsWith("_std") && !["smiles", "rank", "alerts", "unusual", "unusual_atoms", "hit_probability", "parent"].includes(c.column)
      && !NEAREST.some(([prefix]) => c.column.startsWith(prefix));

    function makeTable(name, columns, row) {
      if (!columns.length) return null;
      const lines = columns.map((column) => {
        const met = tool.isMet(column, store.get(column.column, row)), raw = column.raw && store.get(column.raw, row);
        const basis = column.basis && column.basis !== "computed" ? tool.make("span", { class: `badge ${column.basis === "predicted" ? "predicted" : "computed"}` }, column.basis) : null;
        return tool.make("tr", {}, tool.make("th", { scope: "row", title: column.meaning }, column.label, " ", basis, column.aim ? tool.make("span", { class: "aim" }, column.aim) : null),
          tool.make("td", {}, tool.formatCell(store, column, row), column.unit ? tool.make("span", { class: "unit" }, ` ${column.unit}`) : null,
            met ? tool.make("span", { class: "ok" }, " \u2713") : null,
            typeof raw === "number" ? tool.make("span", { class: "aim" }, `${tool.formatNumber(raw)} ${store.byName.get(column.raw).unit}`) : null));
      });
      return tool.make("section", {}, tool.make("h4", {}, name), tool.make("table", {}, tool.make("tbody", {}, lines)));
    }

    function makeNeighbor(prefix, name, row) {
      const smiles = store.get(`${prefix}smiles`, row);
      if (isEmpty(smiles)) return null;
      const differing = new Map((prefix === NEAREST[0][0] && store.data.differences[row] || []).map((atom) => [atom, "ct-differs"]));
      const facts = store.columns.filter((c) => c.column.startsWith(prefix) && c.column !== `${prefix}smiles` && !isEmpty(store.get(c.column, row)));
      const lines = facts.map((column) => tool.make("div", {}, tool.make("dt", {}, tool.nameColumn(column)), tool.make("dd", {}, tool.formatCell(store, column, row))));
      return tool.make("section", {}, tool.make("h4", {}, name), tool.make("div", { class: "ct-pair" },
        tool.make("div", { class: "ct-small" }, structures.draw(smiles, 190, 110, differing)),
        tool.make("div", {}, tool.make("dl", {}, lines), tool.make("p", { class: "smiles" }, smiles))),
      differing.size ? tool.make("p", { class: "ct-quiet" }, "Marked: the atoms in which it differs from the candidate.") : null);
    }

    function makeLineage(row) {
      const chain = store.data.lineages[row] || [];
      if (!chain.length) return null;
      const step = (smiles, words) => tool.make("li", {}, tool.make("div", { class: "ct-small" }, structures.draw(smiles, 150, 92)), tool.make("small", {}, words));
      const origin = chain[0].origin || "";
      return tool.make("section", {}, tool.make("h4", {}, "Made from"), tool.make("ol", { class: "ct-lineage" },
        [...chain].reverse().map((ancestor, i, all) => step(ancestor.smiles, (i ? all[i - 1].origin : "") || "the oldest known")),
        tool.make("li", { class: "ct-quiet" }, tool.make("b", {}, "this candidate"), tool.make("small", {}, origin))));
    }

    function makeIsomers(row) {
      const isomers = store.data.isomers[String(store.get("rank", row))] || [];
      if (!isomers.length) return null;
      const write = (name, value) => store.byName.get(`${name}_predicted`)?.is_probability ? tool.formatProbability(value) : tool.formatNumber(value);
      return tool.make("section", {}, tool.make("h4", {}, `${isomers.length} stereoisomer${isomers.length === 1 ? "" : "s"}`), tool.make("ul", { class: "ct-isomers" }, isomers.map((isomer) =>
        tool.make("li", {}, tool.make("b", {}, isomer.isomer), ` ${isomer.smiles}`, Object.entries(isomer.values).map(([name, value]) =>
          ` \u00b7 ${name} ${write(name, value)}${isomer.spreads[name] ? ` \u00b1 ${tool.formatNumber(isomer.spreads[name])}` : ""}`),
        isomer.in_data ? " \u00b7 in the data" : ""))));
    }

    store.listen((what) => { if (what === "ticks" && dialog.open) tick.checked = store.ticks.has(at); });
    return show;
  };

  // Copy a text, also where the clipboard is closed to local files.
  tool.copyText = async (text) => {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = tool.make("textarea", { value: text });
      (document.querySelector("dialog[open]") || document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
})(globalThis.candidateTool ??= {});
