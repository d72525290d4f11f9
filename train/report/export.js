// Saving what is shown: the picture, its numbers, and all links.

function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type}));
  html("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const inherited = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor"];

/** The map with its caption as an SVG document of its own: colours that the page's style gives it are written down in it. */
function pictureOf(map, caption) {
  const copy = map.cloneNode(true);
  const [originals, copies] = [map, copy].map(root => root.querySelectorAll("text, .marks > *"));
  originals.forEach((original, i) => {
    const style = getComputedStyle(original);
    for (const name of inherited) copies[i].setAttribute(name, style.getPropertyValue(name));
    copies[i].removeAttribute("class");
  });
  const [width, height] = [Number(map.getAttribute("width")) + 24, Number(map.getAttribute("height")) + 58];
  const style = getComputedStyle(document.body);
  const card = getComputedStyle(byId("map-box").parentElement).backgroundColor;
  fill(copy, {x: 12, y: 40}, []);
  for (const name of ["id", "class", "role", "data-key"]) copy.removeAttribute(name);
  const text = (size, y, line) => svg("text", {x: 12, y, "font-size": size, fill: style.color}, clip(line, size, width - 16));
  const picture = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, "font-family": labelFont},
    svg("title", {}, caption.join(". ")), svg("rect", {width, height, fill: card}), text(13, 18, caption[0]), text(11, 33, caption[1]), copy);
  return new XMLSerializer().serializeToString(picture);
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

/** The current view in numbers. */
function numbersOf(recording, frame, module, score, view) {
  const {rows, columns, unit, values} = frame.matrix(module, state.head, state.probe);
  const probe = recording.data.probes[state.probe];
  const matrix = Array.from({length: rows}, (_, t) => Array.from(values.subarray(t * columns, (t + 1) * columns), value => value / unit));
  const rounded = score && {aer: score.all.aer, precision: finite(score.all.precision), recall: finite(score.all.recall), probe_aer: score.probes[state.probe].aer};
  return {
    run: recording.data.run.name, step: recording.steps[state.step], kind: state.kind, module: module.name, layer: module.layer, head: state.head,
    shift: state.shift, null: state.null, probe: state.probe, source: probe.source, target: probe.target, gold: probe.gold,
    rows: view.rows, columns: view.columns, matrix, ...(rounded ?? {}), links: score ? score.links[state.probe] : undefined,
  };
}

const finite = value => Number.isFinite(value) ? value : null;
