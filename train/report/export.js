// Saving what is shown: pictures to print, numbers, tables and all links.

function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type}));
  html("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const inherited = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linecap",
  "stroke-linejoin", "font-size", "font-weight", "text-anchor", "unicode-bidi"];

/** Does something while colours are those of paper, in a box of the page that has them. */
function onLightPaper(action) {
  const box = html("div", {class: "paper", "aria-hidden": "true"});
  document.body.append(box);
  onPaper = true;
  try {
    return action(box);
  } finally {
    onPaper = false;
    box.remove();
  }
}

/** Writes into the elements of a picture what the page's style gives them, so that it needs no style any more. */
function bake(picture) {
  for (const node of picture.querySelectorAll("text, path, line, circle, rect:not([data-w])")) {
    const style = getComputedStyle(node);
    for (const name of inherited) node.setAttribute(name, style.getPropertyValue(name));
  }
  for (const node of [picture, ...picture.querySelectorAll("[class]")]) node.removeAttribute("class");
  for (const name of ["id", "role", "data-key", "tabindex", "style"]) picture.removeAttribute(name);
}

/** An SVG document of pictures that lie below each other under a caption: {node, width, height}. */
function documentOf(caption, parts) {
  const width = Math.max(360, ...parts.map(part => part.width)) + 24, ink = "#1b2330";
  const lines = caption.flatMap((line, i) => wrapped(line, i ? 11 : 13, width - 24).map(text => [text, i ? 11 : 13]));
  let y = 6;
  const texts = lines.map(([text, size]) => svg("text", {x: 12, y: y += size + 4, "font-size": size, fill: ink}, text));
  y += 8;
  const placed = parts.map(({node, height}) => {
    fill(node, {x: 12, y, overflow: "visible"}, []);
    y += height + 6;
    return node;
  });
  const height = y + 6;
  const picture = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, "font-family": labelFont},
    svg("title", {}, caption.join(" ")), svg("rect", {width, height, fill: "#ffffff"}), texts, placed);
  // XML has no place for control characters, which words may hold.
  return new XMLSerializer().serializeToString(picture)
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
}

/** The scale of a map's colours, and what its marks mean. */
function scalePicture(view) {
  const steps = 40, size = 4, height = 34;
  const explained = [view.gold.some(({sure}) => sure) ? "framed: sure gold link" : "",
    view.gold.some(({sure}) => !sure) ? "framed by dashes: possible gold link" : "",
    view.links.length > 0 ? "dot: strongest in its row" : "",
    view.others.length > 0 ? "ring: strongest, but no link" : ""].filter(Boolean).join("; ");
  const width = Math.max(260, 1.1 * textWidth(explained, 11));
  const node = svg("svg", {width, height, "font-size": 11, fill: "#566274"},
    Array.from({length: steps}, (_, i) =>
      svg("rect", {x: 26 + i * size, y: 2, width: size, height: 11, fill: weightColour(i / (steps - 1))})),
    svg("text", {x: 0, y: 12}, "0 %"), svg("text", {x: 26 + steps * size + 6, y: 12}, `${percent(view.scale, 0)} of a row`),
    svg("text", {x: 0, y: 29}, explained));
  return {node, width, height};
}

/** The map for print: light, with caption and scale. */
function pictureOf(view, caption, width) {
  return onLightPaper(box => {
    const map = svg("svg");
    box.append(map);
    drawMap(map, view, width);
    bake(map);
    const size = {width: Number(map.getAttribute("width")), height: Number(map.getAttribute("height"))};
    const scale = scalePicture(view);
    return documentOf(caption, [{node: map, ...size}, scale]);
  });
}

/** The curves for print, each chart with its title. */
function curvesPicture(caption, charts) {
  return onLightPaper(box => {
    const parts = charts.flatMap(chart => {
      const copy = chart.cloneNode(true);
      copy.querySelectorAll(".cursor, .points").forEach(node => node.remove());
      box.append(copy);
      bake(copy);
      const title = chart.getAttribute("aria-label");
      const room = 1.2 * textWidth(title, 12);  // it is bold
      const heading = svg("svg", {height: 18, width: room},
        svg("text", {y: 13, "font-size": 12, "font-weight": 600, fill: "#1b2330"}, title));
      const [width, height] = ["width", "height"].map(side => Number(chart.getAttribute(side)));
      return [{node: heading, width: room, height: 18}, {node: copy, width, height}];
    });
    return documentOf(caption, parts);
  });
}

/** A PNG of twice the picture's size. */
async function pixelsOf(picture) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture)}`;
  await image.decode();
  const canvas = html("canvas", {width: 2 * image.width, height: 2 * image.height});
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise(resolve => canvas.toBlob(resolve, "image/png"));
}

/** Rows of cells as CSV (RFC 4180); no number becomes a formula where a table of spreadsheets is made of it. */
function csv(rows) {
  const cell = value => {
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map(row => row.map(cell).join(",") + "\r\n").join("");
}

/** The map's weights, a row for each of its rows. */
const mapRows = view => [["", ...view.columns],
  ...view.rows.map((label, t) => [label, ...view.columns.map((_, s) => Number(view.weight(t, s).toFixed(5)))])];

/** What a table of the page shows, as text. */
const tableRows = table =>
  [...table.querySelectorAll("tr")].map(row => [...row.children].map(cell => cell.textContent.trim()));

/** Every curve of the page, a line for each of its points. */
function curveRows(recording, history) {
  const rows = [["curve", "step", "value"]];
  for (const one of history?.series.values() ?? [])
    for (const [name, values] of [["AER", one.aer], ["entropy", one.entropy]])
      values.forEach((value, i) => {
        if (Number.isFinite(value))
          rows.push([`${name} of ${headName(recording, one.module, one.head)}`, recording.steps[i], value]);
      });
  const {step = [], ...logged} = recording.data.curves ?? {};
  for (const [name, values] of Object.entries(logged))
    values.forEach((value, i) => { if (Number.isFinite(value)) rows.push([name, step[i], value]); });
  return rows;
}

const finite = value => Number.isFinite(value) ? value : null;

/** The current view in numbers. */
function numbersOf(from, {frame, module, score, view}) {
  const {kind, layer, head, probe} = state;
  const {rows, columns, unit, values} = frame.matrix(module, head, probe);
  const {source, target, gold} = from.data.probes[probe];
  const row = t => Array.from(values.subarray(t * columns, (t + 1) * columns), value => value / unit);
  const numbers = {
    run: from.data.run.name, step: from.steps[state.step], kind, module: module.name, layer, head, probe, source, target,
    rows: view.rows, columns: view.columns, matrix: Array.from({length: rows}, (_, t) => row(t)),
  };
  if (kind !== "cross") return numbers;
  Object.assign(numbers, {shift: state.shift, null: state.null, gold, links: score.links[probe]});
  if (!from.hasGold) return numbers;
  const {aer, precision, recall} = score.all;
  return {...numbers, probe_aer: score.probes[probe].aer, aer, precision: finite(precision), recall: finite(recall)};
}

/** The name of a file after what is shown in it. */
function fileName(parts, ending) {
  return [recording.data.run.name, ...parts].join("-").replace(/[^\p{L}\p{N}.-]+/gu, "_") + ending;
}

function listenToExports(on) {
  const step = () => `step${recording.steps[state.step]}`;
  const of = () => [state.kind, `layer${state.layer}`, state.head === "mean" ? "mean" : `head${state.head}`];
  const switches = () => !isCross() ? [] : [state.shift === "consumed" ? "consumed" : "",
    state.null > 0 ? `null${state.null}` : ""].filter(Boolean);
  const mapName = ending => fileName([...of(), `sentence${state.probe}`, ...switches(), step()], ending);
  const where = () => `${recording.data.run.name}, step ${recording.steps[state.step]}`;
  const picture = () => {
    const probe = recording.data.probes[state.probe], known = shown.score.all;
    const how = switchesText();
    const aer = !hasGoldToShow(recording) || !isCross() ? ""
      : `AER of all sentences: ${percent(known.aer, 2)}${how ? ` (${how})` : ""}.`;
    const pair = [probe.source, probe.target].filter(words => words.length > 0).map(words => isolated(words.join(" ")));
    return pictureOf(shown.view, [`${where()}: ${shown.view.name}`, pair.join(" → "), aer].filter(Boolean),
      Math.max(byId("map-box").clientWidth, 300));
  };
  const charts = () => [...document.querySelectorAll("#curves .chart")]
    .filter(chart => chart.getClientRects().length > 0);
  on("export-svg", "click", () => save(mapName(".svg"), "image/svg+xml", picture()));
  on("export-png", "click", async () => save(mapName(".png"), "image/png", await pixelsOf(picture())));
  on("export-json", "click", () =>
    save(mapName(".json"), "application/json", JSON.stringify(numbersOf(recording, shown), null, 1)));
  on("export-csv", "click", () => save(mapName(".csv"), "text/csv", csv(mapRows(shown.view))));
  on("export-pharaoh", "click", () =>
    save(fileName([...of(), ...switches(), step()], ".pharaoh"), "text/plain", pharaoh(shown.score.links)));
  on("export-heads", "click", () =>
    save(fileName([state.kind, "heads", ...switches(), step()], ".csv"), "text/csv", csv(tableRows(byId("heads")))));
  on("export-probes", "click", () =>
    save(fileName([...of(), "sentences", ...switches(), step()], ".csv"), "text/csv", csv(tableRows(byId("probes")))));
  on("export-curves-svg", "click", () => recording && save(fileName([state.kind, "curves", ...switches()], ".svg"), "image/svg+xml",
    curvesPicture([`${recording.data.run.name}: curves by step`], charts())));
  on("export-curves-csv", "click", () => recording && save(fileName([state.kind, "curves", ...switches()], ".csv"), "text/csv", csv(curveRows(recording, shown?.own))));
}
