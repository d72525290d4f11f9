// Lines over the steps of training, with the chosen step as a vertical line; a click chooses a step.

/** Round values for an axis from 0 to `top`, about four of them. */
function ticksTo(top) {
  const rough = top / 4, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * size).find(candidate => candidate >= rough);
  return Array.from({length: Math.floor(top / step + 1e-9) + 1}, (_, i) => i * step);
}

const stepTicks = (last, logarithmic) => !logarithmic || last < 10
  ? ticksTo(Math.max(last, 1))
  : [0, ...Array.from({length: 12}, (_, i) => 10 ** i).filter(tick => tick <= last)];

/**
 * A chart in `box`: {title, last, steps, lines: [{name, x, y, kind}], levels: [{y, name}], marks: [{x, y, name, kind, interval}],
 * percent, labelled}. `y` may hold nulls; `interval` of a mark is two steps. Returns move(step), which moves the vertical line.
 */
function drawChart(box, chart, {height, logarithmic, choose}) {
  const width = Math.max(box.clientWidth, 220);
  const {lines, levels = [], marks = []} = chart;
  const values = [...lines.flatMap(line => line.y), ...levels.map(level => level.y)].filter(Number.isFinite);
  const highest = values.reduce((a, b) => Math.max(a, b), 1e-6);
  const top = chart.percent ? Math.max(0.1, Math.ceil(highest * 10) / 10) : highest * 1.04;
  const last = Math.max(1, chart.last);
  const area = {left: 46, right: width - (chart.labelled ? 78 : 20), top: 10, bottom: height - 26};
  const scale = logarithmic ? step => Math.log1p(step) / Math.log1p(last) : step => step / last;
  const x = step => area.left + scale(step) * (area.right - area.left);
  const y = value => area.bottom - value / top * (area.bottom - area.top);
  const cursor = svg("line", {class: "cursor", y1: area.top - 6, y2: area.bottom});
  const points = svg("g", {class: "points"});
  const size = {viewBox: `0 0 ${width} ${height}`, width, height};
  const named = (name, attributes) => svg("path", attributes, svg("title", {}, name));
  const picture = svg("svg", {class: "chart", ...size, role: "img", "aria-label": chart.title},
    gridOf(x, y, top, last, area, chart.percent, logarithmic),
    levelsOf(levels, y, area),
    lines.map(line => named(line.name, {class: `line ${line.kind}`, d: pathOf(line, x, y)})),
    chart.labelled ? endLabels(lines, y, area) : null,
    marks.filter(({interval}) => interval).map(mark => svg("line", {class: `interval ${mark.kind}`,
      x1: x(mark.interval[0]), x2: x(mark.interval[1]), y1: y(mark.y), y2: y(mark.y)})),
    marks.map(mark => named(mark.name, {class: `found ${mark.kind}`,
      d: `M${x(mark.x)},${y(mark.y) - 7} l6,7 l-6,7 l-6,-7 z`})),
    cursor, points);
  const pick = event => {
    const at = event.clientX - picture.getBoundingClientRect().left;
    choose(nearest(chart.steps, step => Math.abs(x(step) - at)));
  };
  picture.addEventListener("pointerdown", event => { pick(event); picture.setPointerCapture(event.pointerId); });
  picture.addEventListener("pointermove", event => { if (event.buttons & 1) pick(event); });
  box.replaceChildren(picture);
  return step => {
    cursor.setAttribute("x1", x(step));
    cursor.setAttribute("x2", x(step));
    points.replaceChildren(...lines.filter(line => line.kind !== "faint")
      .map(line => ({kind: line.kind, value: valueAt(line, step)})).filter(({value}) => Number.isFinite(value))
      .map(({kind, value}) => svg("circle", {class: `point ${kind}`, cx: x(step), cy: y(value), r: 3.5})));
  };
}

/** Index of the entry with the smallest distance, the first of equals. */
function nearest(entries, distance) {
  let best = 0;
  entries.forEach((entry, i) => { if (distance(entry) < distance(entries[best])) best = i; });
  return best;
}

/** The line's value at a step, between its neighbours where it has none of its own; NaN outside of it. */
function valueAt(line, step) {
  let before = -1, after = -1;
  line.x.forEach((at, i) => {
    if (!Number.isFinite(line.y[i])) return;
    if (at <= step) before = i;
    if (at >= step && after < 0) after = i;
  });
  if (before < 0 || after < 0) return NaN;
  const part = line.x[after] > line.x[before] ? (step - line.x[before]) / (line.x[after] - line.x[before]) : 0;
  return line.y[before] + part * (line.y[after] - line.y[before]);
}

/** The points that there are, joined over what lies between them: validations are rarer than lines of the log. */
function pathOf(line, x, y) {
  const known = line.y.map((value, i) => [line.x[i], value]).filter(([, value]) => Number.isFinite(value));
  if (known.length === 1) known.push(known[0]);  // a dot, by its round ends
  return known.map(([at, value], i) => `${i ? "L" : "M"}${x(at).toFixed(1)},${y(value).toFixed(1)}`).join("");
}

function gridOf(x, y, top, last, area, inPercent, logarithmic) {
  const across = ticksTo(top).map(tick => [
    svg("line", {class: "grid", x1: area.left, x2: area.right, y1: y(tick), y2: y(tick)}),
    svg("text", {class: "tick", x: area.left - 6, y: y(tick) + 4, "text-anchor": "end"},
      inPercent ? `${Math.round(100 * tick)} %` : String(Number(tick.toPrecision(3))))]);
  const narrow = area.right - area.left < 260;
  const along = stepTicks(last, logarithmic).filter((_, i) => !narrow || i % 2 === 0).map(tick =>
    svg("text", {class: "tick", x: x(tick), y: area.bottom + 17, "text-anchor": "middle"}, tick.toLocaleString("en")));
  return svg("g", {}, across.flat(), along);
}

function levelsOf(levels, y, area) {
  return levels.map(level => svg("g", {},
    svg("line", {class: "level", x1: area.left, x2: area.right, y1: y(level.y), y2: y(level.y)}),
    svg("text", {class: "tick level-name", x: area.left + 4, y: y(level.y) - 4}, level.name)));
}

/** Names at the lines' right ends, pushed apart so that none covers another; as many as there is room for. */
function endLabels(lines, y, area) {
  const ends = lines.map(line => ({line, value: line.y.findLast(Number.isFinite)}))
    .filter(({value}) => value !== undefined);
  const room = Math.floor((area.bottom - area.top) / 13);
  const kept = ends.length <= room ? ends : ends.filter(end => end.line.kind !== "faint");
  kept.sort((a, b) => b.value - a.value);
  let next = area.top;
  const places = kept.map(end => next = Math.max(y(end.value) + 4, next + 13));
  for (let i = places.length - 1, limit = area.bottom + 4; i >= 0; --i, limit -= 13)
    places[i] = Math.min(places[i], limit);
  return kept.map(({line}, i) =>
    svg("text", {class: `end ${line.kind}`, x: area.right + 8, y: places[i]}, line.short));
}
