"use strict";
// The dialog in which a fragment to search for is drawn, with OpenChemLib's editor.
((tool) => {
  let dialog = null, editor = null, finish = null, structures = null;

  // Write what was drawn as SMARTS; where atoms have features of a query, OpenChemLib writes them.
  function write(drawn) {
    const atoms = Array.from({ length: drawn.getAllAtoms() }, (_, i) => i);
    const hasFeatures = atoms.some((i) => drawn.getAtomList(i) || Object.values(drawn.getAtomQueryFeaturesObject(i)).includes(true));
    drawn.setFragment(hasFeatures);
    return hasFeatures ? drawn.toIsomericSmiles({ createSmarts: true }) : structures.writeSmarts(drawn);
  }

  function build() {
    tool.OCL.registerCustomElement();
    editor = tool.make("openchemlib-editor", { fragment: true, "aria-label": "structure editor" });
    const close = () => dialog.close();
    const use = () => {
      const drawn = editor.getMolecule();
      dialog.close();
      finish(drawn.getAllAtoms() ? write(drawn) : "");
    };
    dialog = tool.make("dialog", { class: "ct-dialog ct-editor", "aria-label": "draw a fragment" },
      tool.make("header", {}, tool.make("h3", {}, "Draw a fragment"), tool.makeButton("\u00d7", close, { class: "ct-button ct-close", "aria-label": "close" })),
      tool.make("div", { class: "ct-canvas" }, editor),
      tool.make("footer", {}, tool.make("p", {}, "Open places may carry anything."), tool.makeButton("Cancel", close),
        tool.makeButton("Search", use, { class: "ct-button ct-primary" })));
    document.body.append(dialog);
  }

  // Open the dialog with a structure, and hand what was drawn on as SMARTS.
  tool.openEditor = (own, text, then) => {
    structures = own;
    if (!dialog) build();
    finish = then;
    dialog.showModal();
    let start = null;
    try { start = text ? new tool.OCL.SmilesParser({ smartsMode: "smarts" }).parseMolecule(text) : null; } catch { /* what cannot be drawn is not shown */ }
    if (start) editor.setMolecule(start); else editor.clearAll();
    editor.fragment = true;
  };
})(globalThis.candidateTool ??= {});
