"use strict";
// Turns drawings and plots of the page into PNG pictures.
((tool) => {
  const SCALE = 2, MOST = tool.MOST_PICTURED = 200, CELL = { width: 230, height: 200, picture: 140 };

  // Write an SVG element as text that needs nothing of the page: its colors are those that the page shows now.
  function writeAlone(svg) {
    const copy = svg.cloneNode(true), style = getComputedStyle(svg);
    const sources = [svg, ...svg.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
    sources.forEach((source, i) => {
      const now = getComputedStyle(source);
      for (const name of ["fill", "stroke", "stroke-width", "fill-opacity", "opacity", "font-size", "font-family", "text-anchor"]) {
        copies[i].style.setProperty(name, now.getPropertyValue(name));
      }
    });
    const box = svg.viewBox.baseVal, width = box && box.width ? box.width : svg.clientWidth, height = box && box.height ? box.height : svg.clientHeight;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width * SCALE);
    copy.setAttribute("height", height * SCALE);
    copy.style.color = style.color;
    return { text: new XMLSerializer().serializeToString(copy), width: width * SCALE, height: height * SCALE };
  }

  function load(text) {
    return new Promise((done, fail) => {
      const image = new Image();
      image.onload = () => done(image);
      image.onerror = () => fail(new Error("the picture cannot be made"));
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    });
  }

  function start(width, height) {
    const canvas = tool.make("canvas", { width, height }), pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(document.body).backgroundColor;
    pen.fillRect(0, 0, width, height);
    return { canvas, pen };
  }

  const finish = (canvas, name) => new Promise((done) => canvas.toBlob((blob) => { tool.save(blob, name); done(); }, "image/png"));

  tool.saveSvg = async (svg, name) => {
    if (svg?.tagName !== "svg") return;
    const { text, width, height } = writeAlone(svg), { canvas, pen } = start(width, height);
    pen.drawImage(await load(text), 0, 0, width, height);
    await finish(canvas, name);
  };

  // Save rows as a picture of their drawings, each over its rank and its first values.
  tool.saveGrid = async (store, structures, rows, name) => {
    const chosen = rows.slice(0, MOST), across = Math.min(5, chosen.length), down = Math.ceil(chosen.length / across);
    const { canvas, pen } = start(across * CELL.width * SCALE, down * CELL.height * SCALE);
    const columns = store.listShown().filter((c) => c.is_objective || c.column === "hit_probability").slice(0, 2);
    const ink = getComputedStyle(document.body).color, holder = tool.make("div", { class: "ct-offstage" });
    document.body.append(holder);
    pen.scale(SCALE, SCALE);
    pen.fillStyle = ink;
    pen.textAlign = "center";
    for (const [i, row] of chosen.entries()) {
      const x = CELL.width * (i % across), y = CELL.height * Math.floor(i / across), svg = structures.draw(store.smiles(row), 210, CELL.picture);
      holder.replaceChildren(svg);
      if (svg.tagName === "svg") {
        const { text, width, height } = writeAlone(svg), fit = Math.min(1, 210 / (width / SCALE), CELL.picture / (height / SCALE));
        const w = fit * width / SCALE, h = fit * height / SCALE;
        pen.drawImage(await load(text), x + (CELL.width - w) / 2, y + 8 + (CELL.picture - h) / 2, w, h);
      }
      pen.font = "600 12px sans-serif";
      pen.fillText(String(store.get("rank", row)), x + CELL.width / 2, y + CELL.picture + 24);
      pen.font = "11px sans-serif";
      columns.forEach((c, line) => pen.fillText(`${c.label} ${tool.formatCell(store, c, row)}`, x + CELL.width / 2, y + CELL.picture + 40 + 14 * line, CELL.width - 12));
    }
    holder.remove();
    await finish(canvas, name);
    return rows.length > MOST ? `The picture shows the first ${MOST} of ${rows.length.toLocaleString("en-US")}.` : "";
  };

  // Give each plot of the page a button that saves it.
  tool.addPictureButtons = (store) => {
    document.querySelectorAll("figure").forEach((figure, i) => {
      const svg = figure.querySelector("svg.plot");
      if (svg?.tagName !== "svg") return;
      figure.append(tool.makeButton("PNG", () => tool.saveSvg(svg, `${tool.nameFile(store)}-plot-${i + 1}.png`),
        { class: "ct-button ct-png", "aria-label": `save this plot as a picture: ${svg.getAttribute("aria-label") || `plot ${i + 1}`}` }));
    });
  };
})(globalThis.candidateTool ??= {});
