"use strict";
// The dialog in which a fragment to search for is drawn, with OpenChemLib's editor.
((tool) => {
  let dialog = null, editor = null, finish = null;

  function build() {
    tool.OCL.registerCustomElement();
    editor = tool.make("openchemlib-editor", { fragment: true, "aria-label": "structure editor" });
    const close = () => dialog.close();
    const use = () => {
      const drawn = editor.getMolecule();
      drawn.setFragment(true);
      const smarts = drawn.getAllAtoms() ? drawn.toIsomericSmiles({ createSmarts: true }) : "";
      dialog.close();
      finish(smarts);
    };
    dialog = tool.make("dialog", { class: "ct-dialog ct-editor", "aria-label": "draw a fragment" },
      tool.make("header", {}, tool.make("h3", {}, "Draw a fragment"), tool.makeButton("\u00d7", close, { class: "ct-button ct-close", "aria-label": "close" })),
      tool.make("div", { class: "ct-canvas" }, editor),
      tool.make("footer", {}, tool.make("p", {}, "Open places may carry anything."), tool.makeButton("Cancel", close),
        tool.makeButton("Search", use, { class: "ct-button ct-primary" })));
    document.body.append(dialog);
  }

  // Open the dialog with a structure, and hand what was drawn on as SMARTS.
  tool.openEditor = (structures, text, then) => {
    if (!dialog) build();
    finish = then;
    dialog.showModal();
    let start = null;
    try { start = text ? structures.readQuery(text).fragment : null; } catch { /* what cannot be read is not shown */ }
    if (start) {
      start.inventCoordinates();
      editor.setMolecule(start);
    } else editor.clearAll();
    editor.fragment = true;
  };
})(globalThis.candidateTool ??= {});
