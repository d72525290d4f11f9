// A matrix of attention as a picture: the large map, its small ones, and the lines between the words of a sentence.

/**
 * A view is what a map shows: rows and columns (labels), weight(t, s) from 0 to 1 (or from -1 to 1 if `signed`),
 * gold [{t, s, sure}], links (cells that count as links), others (strongest in their row, but no link), name.
 */
function drawMap(target, view, width, largest = 58) {
  const shape = mapShape(view, width, largest);
  const key = JSON.stringify([view.rows, view.columns, view.axes, shape, dark.matches]);
  if (target.dataset.key !== key) buildMap(target, view, shape);
  target.dataset.key = key;
  target.setAttribute("aria-label", view.name);
  target.classList.toggle("signed", Boolean(view.signed));
  target.view = view;
  const cells = target.querySelector(".cells").children;
  const colour = view.signed ? signedColour : weightColour;
  for (let t = 0, at = 0; t < view.rows.length; ++t)
    for (let s = 0; s < view.columns.length; ++s, ++at) {
      const weight = view.weight(t, s);
      cells[at].setAttribute("data-w", weight.toFixed(5));
      cells[at].setAttribute("fill", colour(weight));
    }
  target.querySelector(".marks").replaceChildren(...marksOf(view, shape));
}

function mapShape(view, width, largest) {
  const font = 13, widest = labels => Math.max(0, ...labels.map(label => textWidth(label, font)));
  const rowRoom = Math.min(widest(view.rows), width < 480 ? 72 : 120);
  const left = Math.ceil(Math.max(rowRoom, textWidth(view.axes.rows, 11))) + 12;
  const slanted = Math.min(widest(view.columns), width < 480 ? 76 : 110);
  const count = Math.max(view.columns.length, 1);
  const fits = Math.floor((width - left - 2) / count);
  const flat = slanted <= Math.min(fits, largest) - 2;
  const over = flat ? 0 : Math.ceil(slanted / 2);
  const cell = Math.max(15, Math.min(largest, Math.floor((width - left - over - 2) / count)));
  const top = (flat ? 20 : Math.ceil(slanted * 0.87) + 18) + 18;
  return {font, left, top, cell, flat, labelRoom: slanted + 1, rowRoom: left - 10,
          width: Math.max(left + cell * count + over + 2, left + textWidth(view.axes.columns, 11) + 4),
          height: top + cell * view.rows.length + 2};
}

function buildMap(target, view, shape) {
  const {left, top, cell} = shape;
  target.setAttribute("viewBox", `0 0 ${shape.width} ${shape.height}`);
  target.setAttribute("width", shape.width);
  target.setAttribute("height", shape.height);
  const cells = view.rows.flatMap((_, t) => view.columns.map((_, s) => svg("rect", {
    x: left + s * cell + 0.5, y: top + t * cell + 0.5, width: cell - 1, height: cell - 1, rx: cell > 20 ? 3 : 1.5,
    "data-t": t, "data-s": s})));
  target.replaceChildren(
    svg("text", {class: "axis", x: left, y: 12}, view.axes.columns),
    svg("text", {class: "axis", x: left - 8, y: top - 6, "text-anchor": "end"}, view.axes.rows),
    svg("g", {class: "labels"}, view.columns.map((label, s) => columnLabel(label, s, shape))),
    svg("g", {class: "labels"}, view.rows.map((label, t) => svg("text", {
      x: left - 8, y: top + (t + 0.5) * cell + 4.5, "text-anchor": "end", "data-row": t},
      svg("title", {}, label), clip(label, shape.font, shape.rowRoom)))),
    svg("g", {class: "cells"}, cells),
    svg("g", {class: "marks"}));
}

function columnLabel(label, s, {left, top, cell, flat, font, labelRoom}) {
  const x = left + (s + 0.5) * cell;
  const place = flat ? {x, y: top - 6, "text-anchor": "middle"}
    : {transform: `translate(${x + 3},${top - 6}) rotate(-60)`};
  return svg("text", {...place, "data-column": s}, svg("title", {}, label), clip(label, font, labelRoom));
}

function marksOf(view, {left, top, cell}) {
  const outline = ({t, s, sure}) => svg("rect", {
    class: sure ? "gold" : "gold possible", x: left + s * cell + 1.25, y: top + t * cell + 1.25,
    width: cell - 2.5, height: cell - 2.5, rx: cell > 20 ? 3 : 1.5});
  const dot = (counted) => ({t, s}) => svg("circle", {
    class: "dot", cx: left + (s + 0.5) * cell, cy: top + (t + 0.5) * cell, r: Math.min(5, cell / 5),
    fill: counted ? inkOn(view.weight(t, s)) : "none", stroke: inkOn(view.weight(t, s)), "stroke-width": 1.5});
  return [...view.gold.map(outline), ...view.others.map(dot(false)), ...view.links.map(dot(true))];
}

/** The cell under the pointer or finger: its row, its column, its weight, in words. */
function readCells(target, say) {
  target.addEventListener("pointerover", ({target: cell}) => {
    const {t, s} = cell.dataset;
    say(t === undefined ? "" : target.view.describe(Number(t), Number(s)));
    target.querySelectorAll(".pointed").forEach(label => label.classList.remove("pointed"));
    target.querySelectorAll(`[data-row="${t}"], [data-column="${s}"]`).forEach(label => label.classList.add("pointed"));
  });
  target.addEventListener("pointerleave", () => {
    say("");
    target.querySelectorAll(".pointed").forEach(label => label.classList.remove("pointed"));
  });
}

/** The same numbers for whoever cannot see the picture. */
function mapTable(view) {
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

/** A map in one pixel a cell, enlarged by CSS. */
function drawThumbnail(canvas, matrix) {
  const {rows, columns, unit, values} = matrix;
  canvas.width = columns;
  canvas.height = rows;
  canvas.style.aspectRatio = `${columns} / ${rows}`;
  const pen = canvas.getContext("2d");
  for (let t = 0; t < rows; ++t)
    for (let s = 0; s < columns; ++s) {
      pen.fillStyle = weightColour(values[t * columns + s] / unit);
      pen.fillRect(s, t, 1, 1);
    }
}

/** The two sentences side by side. A line is as strong as the attention it stands for; gold links lie beneath. */
function drawSentences(target, view, width) {
  const count = Math.max(view.rows.length, view.columns.length);
  const step = Math.max(24, Math.min(44, 420 / count)), top = 30;
  const roomOf = labels => Math.min(Math.max(58, ...labels.map(label => textWidth(label, 14) + 1)), width * 0.32);
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
      "stroke-width": (0.6 + 5 * weight).toFixed(2), "stroke-opacity": (0.12 + 0.88 * weight).toFixed(2)}));
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
    svg("g", {class: "words"}, words(view.columns, 0), words(view.rows, 1)));
}
