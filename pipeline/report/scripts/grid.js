"use strict";
// The candidates as cards. More cards follow as one scrolls, and a structure is drawn when it comes into sight.
((tool) => {
  const PART = 24;

  tool.makeGrid = (store, structures, open) => {
    const box = tool.make("div", { class: "ct-grid" });
    const end = tool.make("div", { class: "ct-end", "aria-hidden": "true" });
    const root = tool.make("div", {}, box, end);
    let plan = [], done = 0, columns = [];

    const drawer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        drawer.unobserve(entry.target);
        tool.whenIdle(() => {
          const row = Number(entry.target.dataset.row);
          entry.target.replaceChildren(structures.draw(store.smiles(row), 220, 140, tool.findMarks(store, structures, row)));
        });
      }
    }, { rootMargin: "200px" });
    new IntersectionObserver((entries) => { if (entries[0].isIntersecting) append(); }, { rootMargin: "800px" }).observe(end);

    function append() {
      if (root.hidden) return;
      const part = plan.slice(done, done + PART);
      done += part.length;
      box.append(...part.map((item) => (typeof item === "number" ? makeCard(item) : makeHead(item))));
    }

    function refresh() {
      columns = store.listCardColumns();
      plan = store.listGroups().flatMap((group) => (group.name === null ? group.rows : [group, ...group.rows]));
      done = 0;
      drawer.disconnect();
      box.replaceChildren();
      if (!plan.length) {
        box.append(tool.make("p", { class: "ct-empty" }, store.count ? "No candidate passes all filters. " : "There are no candidates. ",
          store.count ? tool.makeButton("Clear the filters", () => store.clearFilters()) : null));
      }
      append();
    }

    function makeHead(group) {
      const column = store.byName.get(store.group), isStructure = column.kind === "structure";
      const name = group.name === "" ? (store.group === "scaffold" ? "no ring" : "none") : group.name;
      const all = group.rows.every((row) => store.ticks.has(row));
      return tool.make("div", { class: "ct-head", role: "group", "aria-label": `${column.label} ${name}` },
        isStructure && group.name ? tool.make("div", { class: "ct-scaffold" }, structures.draw(group.name, 130, 80)) : null,
        tool.make("div", {}, tool.make("h3", {}, tool.countThings(group.rows.length, "candidate")),
          tool.make("span", { class: isStructure ? "smiles" : "" }, name)),
        tool.makeButton(all ? "Untick all" : "Tick all", () => store.tick(group.rows, !all)));
    }

    function makeCard(row) {
      const rank = store.get("rank", row), chance = store.get("hit_probability", row), alerts = tool.splitList(store.get("alerts", row));
      const unusual = tool.splitList(store.get("unusual", row)), similarity = store.get(tool.SIMILARITY, row);
      const tick = tool.make("input", { type: "checkbox", checked: store.ticks.has(row), "aria-label": `tick candidate ${rank}`,
        onchange: (event) => store.tick([row], event.target.checked) });
      const badges = [
        alerts.length && tool.make("span", { class: "badge alert", title: alerts.join("; ") }, `${alerts.length} ${alerts.length === 1 ? "alert" : "alerts"}`),
        unusual.length && tool.make("span", { class: "badge unusual", title: unusual.join("; ") }, "unusual"),
        store.get("in_domain", row) === false && tool.make("span", { class: "badge alert" }, "outside the domain"),
        store.get("undefined_stereo", row) > 0 && tool.make("span", { class: "badge alert", title: "its configuration is not fully said" }, "stereo open"),
      ].filter(Boolean);
      const lines = columns.map((column) => {
        const met = tool.isMet(column, store.get(column.column, row));
        return tool.make("div", {}, tool.make("dt", {}, column.label), tool.make("dd", { class: column.basis === "predicted" ? "predicted" : "" },
          tool.formatCell(store, column, row), column.unit ? tool.make("span", { class: "unit" }, ` ${column.unit}`) : null,
          met ? tool.make("span", { class: "ok", title: "within the objective" }, " \u2713") : null));
      });
      const picture = tool.make("div", { class: "ct-picture", "data-row": row });
      drawer.observe(picture);
      return tool.make("article", { class: `ct-card${tick.checked ? " ct-ticked" : ""}`, "data-row": row },
        tool.make("div", { class: "ct-top" }, tool.make("label", {}, tick, tool.make("b", {}, String(rank))),
          chance !== null ? tool.make("span", { title: "chance of a hit" }, `hit ${tool.formatProbability(chance)}`) : null,
          similarity !== null ? tool.make("span", { title: "similarity to the query" }, `~ ${tool.formatNumber(similarity, 2)}`) : null),
        tool.make("button", { type: "button", class: "ct-open", "aria-label": `candidate ${rank}: all details`, onclick: () => open(row) }, picture),
        tool.make("dl", {}, lines), badges.length ? tool.make("div", { class: "ct-badges" }, badges) : null);
    }

    store.listen((what) => {
      if (what === "ticks") {
        box.querySelectorAll(".ct-card").forEach((card) => {
          const isTicked = store.ticks.has(Number(card.dataset.row));
          card.classList.toggle("ct-ticked", isTicked);
          card.querySelector("input").checked = isTicked;
        });
        if (store.group) box.querySelectorAll(".ct-head").forEach((head, i) => {
          const group = plan.filter((item) => typeof item !== "number")[i];
          head.querySelector("button").textContent = group.rows.every((row) => store.ticks.has(row)) ? "Untick all" : "Tick all";
        });
      } else refresh();
    });
    refresh();
    return { root, focus: (row) => box.querySelector(`.ct-card[data-row="${row}"] .ct-open`)?.focus() };
  };

  // Find the atoms of a row to mark: what the query matches, else alerts and what is unusual.
  tool.findMarks = (store, structures, row) => {
    const query = store.filters.structure, marks = new Map();
    if (query) {
      for (const atom of structures.match(query.fragment, row)) marks.set(atom, "ct-match");
      return marks;
    }
    const alerts = new Set(tool.splitList(store.get("alerts", row)));
    for (const [name, atoms] of Object.entries(store.data.marks[row] || {})) {
      for (const atom of atoms) marks.set(atom, alerts.has(name) ? "ct-alert" : "ct-unusual");
    }
    return marks;
  };
})(globalThis.candidateTool ??= {});
