"use strict";
// Two linked plots with Vega-Lite: any two columns, and the map of the latent space. Hover shows a molecule, a box selects, a click opens.
((tool) => {
  const WIDTH = 400, HEIGHT = 320, COLORS = ["viridis", "plasma"];

  const read = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  tool.makeCharts = (store, structures, open) => {
    const root = tool.make("div", { class: "ct-charts", hidden: true });
    const tip = tool.make("div", { class: "ct-tip", hidden: true, role: "status" });
    document.body.append(tip);
    const numbers = store.listNumbers(), names = numbers.map((c) => [c.column, tool.nameColumn(c)]);
    const asked = numbers.filter((c) => c.is_objective), first = [...asked, ...numbers.filter((c) => c.property && !c.is_objective)];
    const chosen = { x: (first[0] || numbers[0]).column, y: (first[1] || numbers[numbers.length - 1]).column, color: (first[2] || first[0] || numbers[0]).column };
    const charts = [];

    async function draw(chart) {
      const spec = tool.vegaLite.compile(chart.makeSpec()).spec;
      chart.view?.finalize();
      chart.view = new tool.vega.View(tool.vega.parse(spec, null, { ast: true }), { renderer: "canvas", container: chart.place, hover: true,
        expr: tool.vegaInterpreter.expressionInterpreter, logLevel: tool.vega.Error, tooltip: () => {} });
      chart.view.addEventListener("mousemove", (event, item) => showTip(event, item));
      chart.view.addEventListener("mouseout", () => { tip.hidden = true; });
      chart.view.addEventListener("click", (event, item) => { if (item?.datum?.row !== undefined) { tip.hidden = true; open(item.datum.row); } });
      chart.view.addSignalListener("box", tool.delay((name, box) => select(chart, box), 60));
      await chart.view.runAsync();
      update(chart);
    }

    function select(chart, box) {
      const ranges = Object.values(box || {}), fields = chart.fields();
      for (const other of charts) if (other !== chart && store.filters.brush?.name === other.name) clear(other);
      if (ranges.length < 2) {
        if (store.filters.brush?.name === chart.name) { store.filters.brush = null; store.apply("brush"); }
        return;
      }
      const inside = (value, [a, b]) => value !== null && value >= Math.min(a, b) && value <= Math.max(a, b);
      const mask = Uint8Array.from({ length: store.count }, (_, row) => (inside(fields.x(row), ranges[0]) && inside(fields.y(row), ranges[1]) ? 1 : 0));
      store.filters.brush = { name: chart.name, mask };
      store.apply("brush");
    }

    const clear = (chart) => chart.view?.signal("box_x", []).signal("box_y", []).runAsync();

    function showTip(event, item) {
      const row = item?.datum?.row;
      if (row === undefined) { tip.hidden = true; return; }
      if (tip.dataset.row !== String(row)) {
        tip.dataset.row = row;
        tip.replaceChildren(structures.draw(store.smiles(row), 190, 120), tool.make("b", {}, `Candidate ${store.get("rank", row)}`),
          ...[...new Set([chosen.x, chosen.y])].map((name) => tool.make("span", {}, `${store.byName.get(name).label} ${tool.formatCell(store, store.byName.get(name), row)}`)));
      }
      tip.hidden = false;
      const x = Math.min(event.clientX + 16, innerWidth - tip.offsetWidth - 8), y = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8);
      tip.style.left = `${x}px`;
      tip.style.top = `${y}px`;
    }

    function list(chart) {
      const shown = new Set(store.visible), { x, y } = chart.fields(), found = [];
      for (let row = 0; row < store.count; row++) {
        const px = x(row), py = y(row);
        if (px === null || py === null || px === undefined) continue;
        found.push({ row, x: px, y: py, color: store.get(chosen.color, row), state: store.ticks.has(row) ? "ticked" : shown.has(row) ? "shown" : "hidden" });
      }
      return found;
    }

    function update(chart) {
      if (!chart.view) return;
      chart.view.change("candidates", tool.vega.changeset().remove(() => true).insert(list(chart))).runAsync();
    }

    function makeAxes(x, y, grid) {
      const axis = (title) => ({ title, grid, tickCount: 5, labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal" });
      return { x: { field: "x", type: "quantitative", scale: { zero: false, nice: true }, axis: axis(x) }, y: { field: "y", type: "quantitative", scale: { zero: false, nice: true }, axis: axis(y) } };
    }

    function makeBase(axes, further, width) {
      const color = store.byName.get(chosen.color), dark = matchMedia("(prefers-color-scheme: dark)").matches;
      return {
        $schema: "https://vega.github.io/schema/vega-lite/v6.json", width, height: HEIGHT, background: null, autosize: { type: "fit", contains: "padding", resize: true },
        config: { view: { stroke: read("--line") }, axis: { labelColor: read("--muted"), titleColor: read("--ink"), gridColor: read("--line"), gridOpacity: 0.6, domainColor: read("--line"), tickColor: read("--line") },
          legend: { labelColor: read("--muted"), titleColor: read("--ink"), titleFontWeight: "normal", orient: "top", direction: "horizontal", gradientLength: 160, gradientThickness: 9, titleOrient: "left", titleLimit: 220 }, font: "system-ui, sans-serif" },
        layer: [...further, {
          params: [{ name: "box", select: { type: "interval", encodings: ["x", "y"] } }],
          data: { name: "candidates", values: [] },
          mark: { type: "point", filled: true, cursor: "pointer" },
          encoding: { ...axes,
            color: { condition: { test: "datum.state !== 'hidden'", field: "color", type: "quantitative", scale: { scheme: COLORS[0], reverse: dark ? false : true }, legend: { title: tool.nameColumn(color) } }, value: read("--line") },
            opacity: { condition: { test: "datum.state !== 'hidden'", value: 0.9 }, value: 0.35 },
            stroke: { condition: { test: "datum.state === 'ticked'", value: read("--candidates") }, value: "transparent" },
            strokeWidth: { value: 2 }, size: { condition: { test: "datum.state === 'ticked'", value: 110 }, value: store.count > 1500 ? 22 : 48 } },
        }],
      };
    }

    const fit = (chart) => Math.max(240, Math.min(620, chart.place.clientWidth || WIDTH));

    function addChart(name, title, note, controls, fields, makeSpec) {
      const place = tool.make("div", { class: "ct-plot", role: "img", "aria-label": title });
      const chart = { name, place, fields, makeSpec: () => makeSpec(chart) };
      const save = tool.makeButton("PNG", async () => {
        const address = await chart.view.toImageURL("png", 2);
        const bytes = Uint8Array.from(atob(address.split(",")[1]), (letter) => letter.charCodeAt(0));
        tool.save(new Blob([bytes], { type: "image/png" }), `${tool.nameFile(store)}-${name}.png`);
      }, { class: "ct-button ct-png", "aria-label": `save the ${name} as a picture` });
      root.append(tool.make("figure", { class: "ct-figure" }, tool.make("figcaption", {}, tool.make("h3", {}, title), save), controls, place, note ? tool.make("small", {}, note) : null));
      charts.push(chart);
    }

    const redraw = () => charts.forEach(draw);
    const choose = (label, key) => tool.makeSelect(label, names, chosen[key], (value) => { chosen[key] = value; redraw(); });
    addChart("scatter plot", "Two columns", "Draw a box to select, click a point to open it, double-click to clear.",
      tool.make("div", { class: "ct-line" }, choose("across", "x"), choose("up", "y"), choose("color", "color")),
      () => ({ x: (row) => store.get(chosen.x, row), y: (row) => store.get(chosen.y, row) }),
      (chart) => makeBase(makeAxes(tool.nameColumn(store.byName.get(chosen.x)), tool.nameColumn(store.byName.get(chosen.y)), true), [], fit(chart)));
    const map = store.data.map;
    if (map) {
      const shares = map.explained.slice(0, 2).map((share) => `${Math.round(100 * share)} %`);
      const note = `An illustration: the two main directions (PCA) hold ${shares.join(" and ")} of the variance, so that near on the map need not be similar. Gray: training molecules.`;
      addChart("map", "Latent space", note, null, () => ({ x: (row) => map.points[row]?.[0] ?? null, y: (row) => map.points[row]?.[1] ?? null }),
        (chart) => makeBase(makeAxes("direction 1", "direction 2", false), [{ data: { values: map.data.map(([x, y]) => ({ x, y })) },
          mark: { type: "point", filled: true, size: 9, color: read("--data"), opacity: 0.35, tooltip: false }, encoding: makeAxes("direction 1", "direction 2", false) }], fit(chart)));
    }

    store.listen((what) => {
      if (root.hidden) return;
      if (what !== "brush" && !store.filters.brush) charts.forEach((chart) => chart.view?.signal("box")?.x && clear(chart));
      tool.whenIdle(() => charts.forEach(update));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (!root.hidden) redraw(); });
    return { root, show: redraw };
  };
})(globalThis.candidateTool ??= {});
