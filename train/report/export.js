// Saving what is shown: the picture, its numbers, and all links.

function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type}));
  html("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const inherited = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor"];

/** The map with its caption as an SVG document of its own: what the page's style gives it is written down in it. */
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
  const text = (size, y, line) =>
    svg("text", {x: 12, y, "font-size": size, fill: style.color}, clip(line, size, width - 24));
  const picture = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, "font-family": labelFont},
    svg("title", {}, caption.join(". ")), svg("rect", {width, height, fill: card}),
    text(13, 18, caption[0]), text(11, 33, caption[1]), copy);
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

const finite = value => Number.isFinite(value) ? value : null;

/** The current view in numbers. */
function numbersOf(from, {frame, module, score, view}) {
  const {kind, layer, head, shift, probe} = state;
  const {rows, columns, unit, values} = frame.matrix(module, head, probe);
  const {source, target, gold} = from.data.probes[probe];
  const row = t => Array.from(values.subarray(t * columns, (t + 1) * columns), value => value / unit);
  const numbers = {
    run: from.data.run.name, step: from.steps[state.step], kind, module: module.name, layer, head, shift,
    null: state.null, probe, source, target, gold, rows: view.rows, columns: view.columns,
    matrix: Array.from({length: rows}, (_, t) => row(t)),
  };
  if (!score) return numbers;
  const {aer, precision, recall} = score.all;
  return {...numbers, links: score.links[probe], probe_aer: score.probes[probe].aer,
          aer, precision: finite(precision), recall: finite(recall)};
}
