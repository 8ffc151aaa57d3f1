"use strict";
// Before the page is printed, the ticked candidates are put into it as cards; without a tick the first hundred are printed.
((tool) => {
  tool.preparePrint = (store, structures, root) => {
    const sheet = tool.make("div", { class: "ct-sheet" });
    root.after(sheet);

    addEventListener("beforeprint", () => {
      const rows = store.listTicked(), columns = store.listShown().slice(0, 5);
      document.body.classList.toggle("ct-print-shortlist", rows.length > 0);
      sheet.replaceChildren(...(rows.length ? [tool.make("h3", {}, `Shortlist: ${tool.countThings(rows.length, "candidate")}`),
        tool.make("div", { class: "ct-grid" }, rows.map((row) => tool.make("article", { class: "ct-card" },
          tool.make("div", { class: "ct-top" }, tool.make("b", {}, String(store.get("rank", row)))),
          tool.make("div", { class: "ct-picture" }, structures.draw(store.smiles(row), 220, 140, tool.findMarks(store, structures, row))),
          tool.make("dl", {}, columns.map((column) => tool.make("div", {}, tool.make("dt", {}, column.label), tool.make("dd", {}, tool.formatCell(store, column, row))))),
          tool.make("p", { class: "smiles" }, store.smiles(row)))))] : []));
    });
  };
})(globalThis.candidateTool ??= {});
