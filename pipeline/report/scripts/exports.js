"use strict";
// Writes candidates as CSV, SMILES or SDF, each with all columns, and the dictionary of the columns.
((tool) => {
  const FORMULA = /^'*[=+\-@\t\r]/, NUMBER = /^([-+]?(\d[\d.,]*|\.\d+)([eE][-+]?\d+)?%?|[-+]?(inf|nan))$/i;

  // A text that a spreadsheet would take for a formula gets an apostrophe before it, as in candidates.csv.
  function writeCell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return String(value);
    const text = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  const joinLine = (cells) => cells.map(writeCell).join(",") + "\n";

  tool.writeCsv = (store, rows) => {
    const names = store.columns.map((column) => column.column);
    return joinLine(names) + rows.map((row) => joinLine(names.map((name) => store.get(name, row)))).join("");
  };

  tool.writeDictionary = (store) => joinLine(["column", "meaning", "basis", "unit"])
    + store.columns.map((c) => joinLine([c.column, c.meaning, c.basis, c.unit])).join("");

  tool.writeSmiles = (store, rows) => rows.map((row) => `${store.smiles(row)} ${store.data.run_id || "candidate"}-${store.get("rank", row)}\n`).join("");

  // An SD file: an empty line would end a value, and a line of $$$$ the molecule, so that values are joined to one line.
  tool.writeSdf = (store, rows) => {
    const join = (text) => text.replace(/\s*[\r\n]+\s*/g, " "), guard = (text) => (/^(\$\$\$\$|>)/.test(text) ? ` ${text}` : text);
    const parts = rows.map((row) => {
      let block;
      try {  // what is no molecule is left out, as in candidates.sdf
        if (!tool.readSmiles(store.smiles(row)).atoms.length) return "";
        block = tool.OCL.Molecule.fromSmiles(store.smiles(row)).toMolfile();
      } catch { return ""; }
      const name = join(`${store.data.run_id || "candidate"}-${String(store.get("rank", row)).padStart(3, "0")}`);
      const fields = store.columns.filter((c) => ![null, undefined, ""].includes(store.get(c.column, row))).map((c) => {
        const value = store.get(c.column, row), text = typeof value === "boolean" ? writeCell(value) : String(value);
        return `>  <${c.column.replace(/[<>\r\n]+/g, "_").trim() || "_"}>\n${guard(join(text))}\n\n`;
      });
      return `${guard(name)}\n${block.slice(block.indexOf("\n") + 1).trimEnd()}\n${fields.join("")}$$$$\n`;
    });
    return parts.join("");
  };

  tool.nameFile = (store) => (store.data.run_id || store.data.title || "candidates").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "") || "candidates";

  // Hand a text or a blob to the browser as a file.
  tool.save = (content, name, type = "text/plain;charset=utf-8") => {
    const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    const link = tool.make("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };

  // The forms of a download; each returns what a person has to be told, or nothing.
  tool.exports = {
    SDF: (store, rows, name) => {
      const text = tool.writeSdf(store, rows), missing = rows.length - text.split("\n$$$$\n").length + 1;
      tool.save(text, `${name}.sdf`, "chemical/x-mdl-sdfile");
      return missing ? `${missing.toLocaleString("en-US")} ${missing === 1 ? "has" : "have"} no structure that can be read, and ${missing === 1 ? "is" : "are"} not in the SDF.` : "";
    },
    CSV: (store, rows, name) => {
      tool.save(tool.writeCsv(store, rows), `${name}.csv`, "text/csv;charset=utf-8");
      tool.save(tool.writeDictionary(store), `${name}-columns.csv`, "text/csv;charset=utf-8");
    },
    SMILES: (store, rows, name) => tool.save(tool.writeSmiles(store, rows), `${name}.smi`),
  };
})(globalThis.candidateTool ??= {});
