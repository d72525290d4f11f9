// A matrix of attention as a picture: the large map, its small ones, and the lines between the words of a sentence.

/**
 * A view is what a map shows: rows and columns (labels), weight(t, s) from 0 to 1 (or from -1 to 1 if `signed`), scale
 * (the weight that has the strongest colour), gold [{t, s, sure}], links (cells that count as links), others (strongest
 * in their row, but no link), name.
 */
function drawMap(target, view, width, largest = 58) {
  const shape = mapShape(view, width, largest);
  const key = JSON.stringify([view.rows, view.columns, view.axes, shape, isDark()]);
  if (target.dataset.key !== key) buildMap(target, view, shape);
  target.dataset.key = key;
  target.setAttribute("aria-label", view.name);
  target.classList.toggle("signed", Boolean(view.signed));
  Object.assign(target, {view, shape});
  const cells = target.querySelector(".cells"), colour = view.signed ? signedColour : weightColour;
  if (shape.painted) {
    const weights = (t, s) => view.weight(t, s) / view.scale;
    cells.firstChild.setAttribute("href", painted(view.rows.length, view.columns.length, weights, view.signed));
  } else {
    for (let t = 0, at = 0; t < view.rows.length; ++t)
      for (let s = 0; s < view.columns.length; ++s, ++at) {
        const weight = view.weight(t, s);
        cells.children[at].setAttribute("data-w", weight.toFixed(5));
        cells.children[at].setAttribute("fill", colour(weight / view.scale));
      }
  }
  const marks = target.querySelector(".marks");
  marks.replaceChildren();
  fill(marks, {}, marksOf(view, shape));
}

/** From so many cells on, a map is one image of a pixel a cell. */
const manyCells = 6000;

function mapShape(view, width, largest) {
  const font = 13, widest = labels => labels.reduce((most, label) => Math.max(most, textWidth(label, font)), 0);
  const rowRoom = Math.min(widest(view.rows), width < 480 ? 72 : 120);
  const left = Math.ceil(Math.max(rowRoom, textWidth(view.axes.rows, 11))) + 12;
  const slanted = Math.min(widest(view.columns), width < 480 ? 76 : 110);
  const count = Math.max(view.columns.length, 1);
  const fits = Math.floor((width - left - 2) / count);
  const flat = slanted <= Math.min(fits, largest) - 2;
  const over = flat ? 0 : Math.ceil(slanted / 2);
  const smallest = count > 64 ? 2 : 12;
  const cell = Math.max(smallest, Math.min(largest, Math.floor((width - left - over - 2) / count)));
  const top = (flat ? 20 : Math.ceil(slanted * 0.87) + 18) + 18;
  return {font, left, top, cell, flat, labelRoom: slanted + 1, rowRoom: left - 10,
          labelled: Math.ceil(12 / cell),  // every word, or as many as there is room for
          painted: view.rows.length * view.columns.length > manyCells,
          width: Math.max(left + cell * count + over + 2, left + textWidth(view.axes.columns, 11) + 4),
          height: top + cell * view.rows.length + 2};
}

function buildMap(target, view, shape) {
  const {left, top, cell} = shape;
  target.setAttribute("viewBox", `0 0 ${shape.width} ${shape.height}`);
  target.setAttribute("width", shape.width);
  target.setAttribute("height", shape.height);
  const gap = cell > 4 ? 1 : 0;
  const cells = shape.painted
    ? svg("image", {x: left, y: top, width: cell * view.columns.length, height: cell * view.rows.length,
      preserveAspectRatio: "none", style: "image-rendering: pixelated"})
    : view.rows.flatMap((_, t) => view.columns.map((_, s) => svg("rect", {
      x: left + s * cell + gap / 2, y: top + t * cell + gap / 2, width: cell - gap, height: cell - gap,
      rx: cell > 20 ? 3 : gap * 1.5, "data-t": t, "data-s": s})));
  const some = (_, i) => i % shape.labelled === 0;
  target.replaceChildren(
    svg("text", {class: "axis", x: left, y: 12}, view.axes.columns),
    svg("text", {class: "axis", x: left - 8, y: top - 6, "text-anchor": "end"}, view.axes.rows),
    svg("g", {class: "labels"}, view.columns.map((label, s) => columnLabel(label, s, shape)).filter(some)),
    svg("g", {class: "labels"}, view.rows.map((label, t) => svg("text", {
      x: left - 8, y: top + (t + 0.5) * cell + 4.5, "text-anchor": "end", "data-row": t},
      svg("title", {}, label), clip(label, shape.font, shape.rowRoom))).filter(some)),
    svg("g", {class: "cells"}, [cells].flat()),
    svg("g", {class: "marks"}), svg("g", {class: "cursor-cell"}));
}

/** An image of one pixel a cell, as an address. */
function painted(rows, columns, weight, signed) {
  const canvas = html("canvas");
  paint(canvas, rows, columns, weight, signed);
  return canvas.toDataURL();
}

function paint(canvas, rows, columns, weight, signed = false) {
  canvas.width = columns;
  canvas.height = rows;
  const pen = canvas.getContext("2d"), image = pen.createImageData(columns, rows);
  for (let t = 0, at = 0; t < rows; ++t)
    for (let s = 0; s < columns; ++s, at += 4) {
      const [red, green, blue] = channelsOf(weight(t, s), signed);
      image.data[at] = red; image.data[at + 1] = green; image.data[at + 2] = blue; image.data[at + 3] = 255;
    }
  pen.putImageData(image, 0, 0);
}

function columnLabel(label, s, {left, top, cell, flat, font, labelRoom}) {
  const x = left + (s + 0.5) * cell;
  const place = flat ? {x, y: top - 6, "text-anchor": "middle"}
    : {transform: `translate(${x + 3},${top - 6}) rotate(-60)`};
  return svg("text", {...place, "data-column": s}, svg("title", {}, label), clip(label, font, labelRoom));
}

function marksOf(view, {left, top, cell}) {
  const inset = Math.min(1.25, cell / 4);
  const outline = ({t, s, sure}) => svg("rect", {
    class: sure ? "gold" : "gold possible", x: left + s * cell + inset, y: top + t * cell + inset,
    width: cell - 2 * inset, height: cell - 2 * inset, rx: cell > 20 ? 3 : 1.5});
  const dot = (counted) => ({t, s}) => svg("circle", {
    class: "dot", cx: left + (s + 0.5) * cell, cy: top + (t + 0.5) * cell, r: Math.min(5, cell / 5),
    fill: counted ? inkOn(view.weight(t, s) / view.scale) : "none",
    stroke: inkOn(view.weight(t, s) / view.scale), "stroke-width": Math.min(1.5, cell / 6)});
  return [...view.gold.map(outline), ...view.others.map(dot(false)), ...view.links.map(dot(true))];
}

/** The cell under the pointer or finger, or the one that arrow keys went to: its row, column and weight, in words. */
function readCells(target, say) {
  let at = null;
  const show = place => {
    at = place;
    target.querySelectorAll(".pointed").forEach(label => label.classList.remove("pointed"));
    const box = target.querySelector(".cursor-cell");
    box?.replaceChildren();
    if (!at) return say("");
    const {left, top, cell} = target.shape;
    target.querySelectorAll(`[data-row="${at.t}"], [data-column="${at.s}"]`)
      .forEach(label => label.classList.add("pointed"));
    box.append(svg("rect", {x: left + at.s * cell, y: top + at.t * cell, width: cell, height: cell}));
    say(target.view.describe(at.t, at.s));
  };
  target.addEventListener("pointermove", event => {
    if (!target.shape) return;
    const box = target.getBoundingClientRect(), {left, top, cell, width} = target.shape, zoom = width / box.width;
    const s = Math.floor(((event.clientX - box.left) * zoom - left) / cell);
    const t = Math.floor(((event.clientY - box.top) * zoom - top) / cell);
    const inside = s >= 0 && t >= 0 && s < target.view.columns.length && t < target.view.rows.length;
    show(inside ? {t, s} : null);
  });
  target.addEventListener("pointerleave", () => show(null));
  target.addEventListener("blur", () => show(null));
  target.addEventListener("keydown", event => {
    if (!target.shape || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = {t: target.view.rows.length - 1, s: target.view.columns.length - 1};
    const from = at ?? {t: 0, s: 0}, begin = !at;
    const moves = {
      ArrowLeft: {s: from.s - 1}, ArrowRight: {s: from.s + 1}, ArrowUp: {t: from.t - 1}, ArrowDown: {t: from.t + 1},
      Home: {s: 0}, End: {s: last.s}};
    if (event.key === "Escape") return show(null);
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    const to = begin ? from : {...from, ...moves[event.key]};
    show({t: Math.min(Math.max(to.t, 0), last.t), s: Math.min(Math.max(to.s, 0), last.s)});
  });
}

/** The same numbers for whoever cannot see the picture. */
function mapTable(view) {
  if (view.rows.length * view.columns.length > manyCells)
    return html("p", {class: "quiet"}, "Too large to read as a table here; CSV saves it.");
  const cell = (t, s) => {
    const notes = [view.gold.find(g => g.t === t && g.s === s), view.links.find(l => l.t === t && l.s === s)];
    const gold = notes[0] ? (notes[0].sure ? ", sure link" : ", possible link") : "";
    return html("td", {}, `${(100 * view.weight(t, s)).toFixed(1)}${gold}${notes[1] ? ", strongest" : ""}`);
  };
  return html("table", {class: "numbers"},
    html("caption", {}, `${view.name}. Weights in per cent.`),
    html("thead", {}, html("tr", {}, html("td"), view.columns.map(label => html("th", {scope: "col"}, label)))),
    html("tbody", {}, view.rows.map((label, t) =>
      html("tr", {}, html("th", {scope: "row"}, label), view.columns.map((_, s) => cell(t, s))))));
}

/** The largest weight of a matrix where colours are stretched to it, else 1. */
function scaleOf({values, unit}) {
  if (state.contrast !== "stretched") return 1;
  let largest = 0;
  for (const value of values) largest = Math.max(largest, value);
  return largest > 0 ? largest / unit : 1;
}

/** A map in one pixel a cell, enlarged by CSS. */
function drawThumbnail(canvas, matrix) {
  const {rows, columns, unit, values} = matrix, scale = scaleOf(matrix);
  canvas.style.aspectRatio = `${columns} / ${rows}`;
  paint(canvas, rows, columns, (t, s) => values[t * columns + s] / unit / scale);
}

/** The two sentences side by side. A line is as strong as the attention it stands for; gold links lie beneath. */
function drawSentences(target, view, width) {
  const count = Math.max(view.rows.length, view.columns.length);
  const step = Math.max(24, Math.min(44, 420 / count)), top = 30;
  const roomOf = labels =>
    Math.min(labels.reduce((most, label) => Math.max(most, textWidth(label, 14) + 1), 58), width * 0.32);
  const rooms = [roomOf(view.columns), roomOf(view.rows)];
  const middle = Math.min(width - rooms[0] - rooms[1] - 20, 460), spare = width - rooms[0] - rooms[1] - 20 - middle;
  const x = [spare / 2 + rooms[0] + 10, spare / 2 + rooms[0] + 10 + middle];
  const offset = labels => top + (count - labels.length) * step / 2;
  const y = [view.columns, view.rows].map(labels => i => offset(labels) + (i + 0.5) * step);
  const curve = (s, t) => {
    const bend = (x[1] - x[0]) * 0.42;
    return `M${x[0]},${y[0](s)} C${x[0] + bend},${y[0](s)} ${x[1] - bend},${y[1](t)} ${x[1]},${y[1](t)}`;
  };
  const words = (labels, side) => labels.map((label, i) => svg("text", {
    x: x[side] + (side ? 8 : -8), y: y[side](i) + 4.5, "text-anchor": side ? "start" : "end"},
    svg("title", {}, label), clip(label, 14, rooms[side])));
  const lines = [];
  view.rows.forEach((_, t) => view.columns.forEach((_, s) => {
    const weight = view.weight(t, s);
    if (weight >= 0.03) lines.push(svg("path", {
      class: "attention", d: curve(s, t),
      "stroke-width": (0.6 + 5 * weight).toFixed(2), "stroke-opacity": (0.12 + 0.88 * Math.min(weight / view.scale, 1)).toFixed(2)}));
  }));
  const height = top + count * step + 6;
  target.setAttribute("viewBox", `0 0 ${width} ${height}`);
  target.setAttribute("width", width);
  target.setAttribute("height", height);
  target.setAttribute("aria-label", `${view.name}, as lines between the words`);
  target.replaceChildren(
    svg("text", {class: "axis", x: x[0] - 8, y: 14, "text-anchor": "end"}, view.axes.left),
    svg("text", {class: "axis", x: x[1] + 8, y: 14}, view.axes.right),
    svg("g", {}, view.gold.map(({t, s, sure}) =>
      svg("path", {class: sure ? "band" : "band possible", d: curve(s, t)}))),
    svg("g", {}, lines),
    svg("g", {class: "words"}, [...words(view.columns, 0), ...words(view.rows, 1)]));
}
