// A against B: two steps of one head, or two heads at one step, and their signed difference.

/** What a side may be: [value, text] pairs. "now" follows the slider, or the chosen head. */
function sidesOf(recording) {
  if (state.mode === "steps")
    return [["now", "this step"], ...recording.steps.map(step => [String(step), `step ${step}`])];
  return [["now", "this head"], ...headsOf(recording, state.kind).map(({module, head}) =>
    [`${module.layer}.${head}`, headName(recording, module, head)])];
}

/** First step against this one; this head against the next. */
function defaultSides(recording, sides) {
  if (state.mode === "steps") return [sides[1][0], "now"];
  const own = sides.findIndex(([value]) => value === `${state.layer}.${state.head}`);
  return ["now", (sides[own + 1] ?? sides[1])[0]];
}

async function sideOf(recording, value, module) {
  const side = {module, head: state.head, step: state.step};
  if (value !== "now" && state.mode === "steps") side.step = recording.steps.indexOf(Number(value));
  if (value !== "now" && state.mode === "heads") {
    const [layer, head] = value.split(".");
    side.module = recording.modulesOf(state.kind).find(one => one.layer === Number(layer));
    side.head = parseHead(head);
  }
  side.frame = await recording.frame(side.step);
  side.name = state.mode === "steps" ? `step ${recording.steps[side.step]}`
    : headName(recording, side.module, side.head);
  side.aer = state.kind !== "cross" ? NaN :
    scoreHead(recording, side.frame, side.module, side.head, state.shift, state.null).all.aer;
  return side;
}

function differenceView(a, b) {
  const weight = (t, s) => a.weight(t, s) - b.weight(t, s);
  let scale = 1;
  if (state.contrast === "stretched") {
    scale = 0;
    a.rows.forEach((_, t) => a.columns.forEach((_, s) => { scale = Math.max(scale, Math.abs(weight(t, s))); }));
  }
  return {...a, signed: true, weight, scale: scale || 1, links: [], others: [], name: "Difference of A and B",
    describe: (t, s) =>
      `${isolated(a.rows[t])} – ${isolated(a.columns[s])}: ${percent(a.weight(t, s))} in A, ${percent(b.weight(t, s))} in B`};
}

async function showComparison(recording, module, current) {
  const sides = sidesOf(recording), values = sides.map(([value]) => value);
  const defaults = defaultSides(recording, sides);
  if (!values.includes(state.a)) state.a = defaults[0];
  if (!values.includes(state.b)) state.b = defaults[1];
  byId("compare-mode").value = state.mode;
  setOptions(byId("compare-a"), sides, state.a);
  setOptions(byId("compare-b"), sides, state.b);
  const [a, b] = await Promise.all([state.a, state.b].map(value => sideOf(recording, value, module)));
  if (!current()) return;
  const views = [a, b].map(side => viewOf(side.frame, side.module, side.head));
  const width = byId("map-a").parentElement.clientWidth;
  for (const view of views) view.scale = Math.max(...views.map(({scale}) => scale));
  [a, b].forEach((side, i) => {
    const letter = "ab"[i];
    const aer = !Number.isFinite(side.aer) ? "" : `, AER ${percent(side.aer)}`;
    byId(`title-${letter}`).textContent = `${"AB"[i]}: ${side.name}${aer}`;
    drawMap(byId(`map-${letter}`), views[i], width, 44);
  });
  drawMap(byId("map-difference"), differenceView(...views), width, 44);
}
