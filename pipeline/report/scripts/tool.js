"use strict";
// Puts the tool together: loads the libraries that the page carries, makes the views, the bar over them and the shortlist.
((tool) => {
  const VIEWS = [["grid", "Cards"], ["table", "Table"], ["plots", "Plots"]];
  const TEXT_RULE = "Words of names, alerts and notes; or a rank, a name, a SMILES or an InChIKey, which is to be whole. A number is never a part of a text.";

  // Decompress a library of the page and run it; the policy of the page allows these texts alone.
  async function load(id) {
    const element = document.getElementById(`library-${id}`);
    if (!element || element.dataset.loaded) return;
    element.dataset.loaded = "1";
    const bytes = Uint8Array.from(atob(element.textContent.trim()), (letter) => letter.charCodeAt(0));
    const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(tool.make("script", {}, text));
  }

  async function loadCharts() {
    await load("vega");
    await load("vega-lite");
    await load("vega-interpreter");
    Object.assign(tool, { vega: globalThis.vega, vegaLite: globalThis.vegaLite, vegaInterpreter: globalThis.vegaInterpreter });
  }

  // Make the tool in an element from the data of `pipeline.report.candidate_data`.
  tool.mount = async (root, data) => {
    await load("openchemlib");
    tool.OCL = globalThis.OCL;
    const store = new tool.Store(data), structures = new tool.Structures(store);
    const views = {};
    const open = tool.makeDetail(store, structures, (row) => (views.table && !views.table.root.hidden ? views.table : views.grid).focus(row));
    views.grid = tool.makeGrid(store, structures, open);
    const main = tool.make("div", { class: "ct-views" }, views.grid.root);
    const filters = tool.makeFilters(store, structures);

    async function show(name) {
      root.dataset.view = name;
      if (name === "table" && !views.table) {
        await load("tabulator");
        tool.Tabulator = globalThis.Tabulator;
        views.table = tool.makeTable(store, structures, open);
        main.append(views.table.root);
      }
      if (name === "plots" && !views.plots) {
        await loadCharts();
        views.plots = tool.makeCharts(store, structures, open);
        main.prepend(views.plots.root);
      }
      if (views.table) views.table.root.hidden = name !== "table";
      if (views.plots) views.plots.root.hidden = name !== "plots";
      views.grid.root.hidden = name === "table";
      if (name !== "grid") views[name].show();
      if (name !== "table") store.tell("view");
    }

    root.replaceChildren(makeBar(store, show, filters), tool.make("div", { class: "ct-columns" }, filters, main));
    document.body.append(makeShortlist(store, structures));
    document.body.classList.add("ct-on");
    addTicks(store);
    tool.preparePrint(store, structures, root);
    tool.addPictureButtons(store);
    structures.prepare();
    return { store, structures, open, show };
  };

  // -- the bar over the views -----------------------------------------------------------------------------------------

  function makeBar(store, show, filters) {
    const find = tool.delay(() => store.apply(), 60);
    const text = tool.make("input", { type: "search", placeholder: "Rank, name, alert, SMILES\u2026", "aria-label": "search text", title: TEXT_RULE,
      oninput: () => { store.filters.text = text.value; find(); } });
    const switches = tool.make("div", { class: "ct-switch", role: "group", "aria-label": "view" }, VIEWS.map(([name, words]) =>
      tool.make("button", { type: "button", "aria-pressed": String(name === "grid"), "data-view": name, onclick: async (event) => {
        switches.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(button === event.currentTarget)));
        await show(name);
      } }, words)));
    const orders = [["rank", "rank"], ...store.listSortable().filter((c) => c.column !== "rank").map((c) => [c.column, tool.nameColumn(c)]), [tool.SIMILARITY, "similarity to the query"]];
    const sort = tool.makeSelect("sort by", orders, "rank", (value) => store.setSort(value, value !== "rank" && value !== "alerts"));
    const direction = tool.makeButton("\u2191", () => store.setSort(store.sort.column, !store.sort.descending), { class: "ct-button ct-direction" });
    const groups = [["", "no groups"], ...store.columns.filter((c) => c.can_group).map((c) => [c.column, c.label])];
    const group = tool.makeSelect("group by", groups, "", (value) => store.setGroup(value));
    const columns = store.columns.filter((c) => c.kind !== "structure" && c.kind !== "empty" && c.column !== "rank" && !c.column.endsWith("_std"));
    const menu = tool.make("details", { class: "ct-menu", onkeydown: (event) => { if (event.key === "Escape") { menu.open = false; menu.firstChild.focus(); } } },
      tool.make("summary", { class: "ct-button" }, "Columns"),
      tool.make("div", { role: "group", "aria-label": "columns that are shown" }, columns.map((column) => tool.make("label", { title: column.meaning },
        tool.make("input", { type: "checkbox", checked: column.is_shown, onchange: (event) => store.showColumn(column.column, event.target.checked) }),
        tool.nameColumn(column), column.basis === "predicted" ? tool.make("small", {}, " predicted") : null))));
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    const told = tool.make("p", { class: "ct-count", role: "status", "aria-live": "polite" });
    const chips = tool.make("div", { class: "ct-chips" });
    const toggle = tool.makeButton("Filters", () => {
      const isOpen = filters.classList.toggle("ct-opened");
      toggle.setAttribute("aria-expanded", String(isOpen));
    }, { class: "ct-button ct-toggle", "aria-expanded": "false", "aria-controls": "ct-filters" });

    function update(what) {
      if (what === "ticks") return;
      told.replaceChildren(tool.make("b", {}, store.visible.length.toLocaleString("en-US")), ` of ${tool.countThings(store.count, "candidate")}`);
      const select = sort.querySelector("select");
      if (![...select.options].some((option) => option.value === store.sort.column)) {  // the table sorts by texts, too
        select.append(tool.make("option", { value: store.sort.column }, tool.nameColumn(store.byName.get(store.sort.column))));
      }
      select.value = store.sort.column;
      select.querySelector(`option[value="${tool.SIMILARITY}"]`).hidden = !store.filters.similarity;
      direction.textContent = store.sort.descending ? "\u2193" : "\u2191";
      direction.setAttribute("aria-label", store.sort.descending ? "highest first; turn round" : "lowest first; turn round");
      const filters_now = store.describeFilters();
      if (!store.filters.text && document.activeElement !== text) text.value = "";
      chips.replaceChildren(...filters_now.map(([words, undo]) => tool.make("button", { type: "button", class: "ct-chip", "aria-label": `take away the filter: ${words}`,
        onclick: () => { undo(); store.apply("cleared"); } }, words, tool.make("span", { "aria-hidden": "true" }, " \u00d7"))),
      filters_now.length > 1 ? tool.makeButton("Clear all", () => store.clearFilters(), { class: "ct-link" }) : "");
    }

    store.listen(update);
    update();
    const all = tool.makeButton("Tick all shown", () => store.tick(store.visible, true), { class: "ct-link ct-all" });
    return tool.make("div", { class: "ct-bar" },
      tool.make("div", { class: "ct-line" }, toggle, text, switches, sort, direction, groups.length > 1 ? group : null, menu),
      tool.make("div", { class: "ct-line" }, told, all, chips));
  }

  // -- the shortlist --------------------------------------------------------------------------------------------------

  function makeShortlist(store, structures) {
    const count = tool.make("b"), words = tool.make("span"), told = tool.make("p", { role: "status", "aria-live": "polite" }, count, words);
    const name = () => `${tool.nameFile(store)}-shortlist`;
    const note = tool.make("span", { class: "ct-note", role: "status" });
    const files = Object.entries(tool.exports).map(([kind, write]) => tool.makeButton(kind, () => { note.textContent = write(store, store.listTicked(), name()) || ""; },
      { class: kind === "SDF" ? "ct-button ct-primary" : "ct-button", "aria-label": `download the ticked candidates as ${kind}` }));
    const picture = tool.makeButton("Picture", async () => { note.textContent = await tool.saveGrid(store, structures, store.listTicked(), `${name()}.png`); }, { "aria-label": "download a picture of the ticked candidates" });
    const only = tool.makeButton("Show only these", () => { store.filters.ticked = !store.filters.ticked; store.apply(); }, { "aria-pressed": "false" });
    const clear = tool.makeButton("Clear", () => { store.filters.ticked = false; store.tick(store.listTicked(), false); store.apply(); }, { class: "ct-link" });

    function update(what) {
      const ticked = store.ticks.size;
      if (what === "ticks") note.textContent = "";
      picture.title = ticked > tool.MOST_PICTURED ? `a picture of the first ${tool.MOST_PICTURED} of the ${ticked.toLocaleString("en-US")} ticked candidates; the files hold all` : "";
      count.textContent = ticked ? ticked.toLocaleString("en-US") : "";
      words.textContent = ticked ? " on the shortlist" : "Tick candidates to put them on a shortlist.";
      [...files, picture, only, clear].forEach((button) => { button.hidden = !ticked; });
      only.setAttribute("aria-pressed", String(store.filters.ticked));
    }

    store.listen(update);
    update();
    return tool.make("aside", { class: "ct-shortlist", "aria-label": "shortlist" }, tool.make("div", {}, told, only, note, tool.make("span", { class: "ct-space" }), files, picture, clear));
  }

  // The cards of the first screen can be ticked, too.
  function addTicks(store) {
    const boxes = [...document.querySelectorAll(".gallery .card")].map((card) => {
      const rank = Number(card.dataset.rank), row = store.data.values.rank.indexOf(rank);
      if (row < 0) return null;
      const box = tool.make("input", { type: "checkbox", "aria-label": `tick candidate ${rank}`, onchange: () => store.tick([row], box.checked) });
      card.querySelector(".top b").before(box);
      return { box, row, card };
    }).filter(Boolean);
    const update = () => boxes.forEach(({ box, row, card }) => {
      box.checked = store.ticks.has(row);
      card.classList.toggle("ct-ticked", box.checked);
    });
    store.listen(update);
    update();
  }

  // -- the page -------------------------------------------------------------------------------------------------------

  async function begin() {
    const root = document.getElementById("candidate-tool"), held = document.getElementById("candidate-data");
    if (!root || !held) return;
    try {
      tool.report = await tool.mount(root, JSON.parse(held.textContent));
      root.hidden = false;
      document.getElementById("static-candidates").classList.add("ct-printed");
    } catch (error) {  // the static table stays
      root.remove();
      console.error(error);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin); else begin();
})(globalThis.candidateTool ??= {});
