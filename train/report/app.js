// The page: reads the recording, shows what `state` says, and changes `state` when someone asks for it.

let recording = null;
let following = true;  // at the right end of a live run, the slider goes with the training
let shown = null;      // what the last drawing showed: {frame, module, score, view, own}, own being the kind's history
let charts = {key: "", moves: []};

const isCross = () => state.kind === "cross";

/** The labels of rows and columns. A row of cross-attention is called after the word it belongs to. */
function labelsOf(probe, kind) {
  const inputs = probe.queries, outputs = [...probe.target, "</s>"];
  if (kind === "encoder") return {rows: probe.keys, columns: probe.keys,
    axes: {rows: "word ↓", columns: "looks at →", left: "looked at", right: "looking"}};
  if (kind === "decoder") return {rows: inputs, columns: inputs,
    axes: {rows: "word ↓", columns: "looks at →", left: "looked at", right: "looking"}};
  const consumed = state.shift === "consumed";
  return {rows: consumed ? inputs : outputs, columns: probe.keys,
    axes: {rows: consumed ? "read ↓" : "writes ↓", columns: "looks at →", left: "source", right: "target"}};
}

/** What a map of one head shows: see drawMap. */
function viewOf(frame, module, head) {
  const probe = recording.data.probes[state.probe];
  const matrix = frame.matrix(module, head, state.probe);
  const cross = module.kind === "cross";
  const labels = labelsOf(probe, module.kind);
  const strongest = labels.rows.map((_, t) => ({t, s: strongestIn(matrix, t)}));
  const gold = cross ? probe.gold.map(([s, j, sure]) => ({t: rowOf(j, state.shift), s, sure: Boolean(sure)})) : [];
  const links = cross ? extractLinks(matrix, probe, state.shift, state.null)
    .map((s, j) => ({t: rowOf(j, state.shift), s})).filter(({s}) => s >= 0) : strongest;
  const linked = new Set(links.map(({t, s}) => linkKey(s, t)));
  const weight = (t, s) => matrix.values[t * matrix.columns + s] / matrix.unit;
  const describe = (t, s) => {
    const known = gold.find(link => link.t === t && link.s === s);
    return `${isolated(labels.rows[t])} – ${isolated(labels.columns[s])}: ${percent(weight(t, s))}` +
      (known ? `, a ${known.sure ? "sure" : "possible"} link` : "") +
      (cross && linked.has(linkKey(s, t)) ? ", the strongest: linked" : "");
  };
  const of = headName(recording, module, head).replace(/^the (.*-attention)$/, "");
  const name = [capital(kindNames[module.kind]), of, `sentence ${state.probe}`].filter(Boolean).join(", ");
  const others = strongest.filter(({t, s}) => !linked.has(linkKey(s, t)));
  return {...labels, weight, scale: scaleOf(matrix), gold, links, others, describe, name};
}

/** Which parts of the page there is something for. */
function showParts() {
  const parts = document.body.classList, gold = recording.length > 0 && hasGoldToShow(recording) && isCross();
  parts.toggle("nothing", recording.length === 0);
  parts.toggle("self", recording.length > 0 && !isCross());
  parts.toggle("one-text", recording.length === 0 || !readsPairs(recording));
  parts.toggle("no-gold", !gold);
}

function showHeadlines(history) {
  const {run} = recording.data;
  const set = (id, text) => { if (byId(id).textContent !== text) byId(id).textContent = text; };
  document.title = `gaze: ${run.name}`;
  set("run-name", [...new Set([run.name, run.task, run.description])].filter(Boolean).join(" · "));
  set("headline", headline(recording, history));
  set("under-headline", underHeadline(recording, history));
  byId("show-found").hidden = !history || !recording.hasGold || !firstFound(recording, history).first;
}

function showFigures(score) {
  const {baselines} = recording.data;
  const set = (id, text) => { if (byId(id).textContent !== text) byId(id).textContent = text; };
  set("aer", percent(score.all.aer, 2));
  set("aer-of", `of ${headName(recording, shown.module, state.head)}`);
  set("precision", percent(score.all.precision, 2));
  set("recall", percent(score.all.recall, 2));
  set("floor", percent(baselines.floor, 2));
  set("diagonal", percent(baselines.diagonal, 2));
  drawGauge(score.all.aer);
}

/** The log's figures at the step that is shown. */
function showLogged() {
  const {curves} = recording.data;
  const last = recording.data.curves?.step?.at(-1) ?? 0, step = recording.steps[state.step] ?? last;
  const at = name => curves?.[name] ? valueAt({x: curves.step, y: curves[name]}, step) : NaN;
  const shares = {"accuracy": "token_accuracy", "accuracy-now": "token_accuracy", "aer-now": "aer"};
  for (const [id, name] of Object.entries(shares)) byId(id).textContent = percent(at(name));
  byId("loss-now").textContent = Number.isFinite(at("loss")) ? at("loss").toFixed(3) : "";
}

/** The AER on a line from 0 to 100 %, between what nothing can beat and what needs no attention at all. */
function drawGauge(aer) {
  const {floor, diagonal} = recording.data.baselines, width = Math.max(byId("gauge").clientWidth, 120);
  const x = value => 8 + Math.min(Math.max(value, 0), 1) * (width - 16);
  const mark = (value, name, y) => !Number.isFinite(value) ? null : [
    svg("line", {class: "gauge-level", x1: x(value), x2: x(value), y1: 14, y2: 30}),
    svg("text", {class: "tick", x: x(value), y, "text-anchor": value > 0.8 ? "end" : "start"}, name)];
  byId("gauge").replaceChildren(svg("svg", {viewBox: `0 0 ${width} 44`, role: "img",
    "aria-label": `AER ${percent(aer)}, floor ${percent(floor)}, diagonal ${percent(diagonal)}`},
    svg("rect", {class: "gauge-track", x: 8, y: 18, width: width - 16, height: 8, rx: 4}),
    mark(floor, "floor", 42), mark(diagonal, "diagonal", 11),
    svg("text", {class: "tick", x: width - 8, y: 42, "text-anchor": "end"}, "100 %"),
    Number.isFinite(aer) ? svg("circle", {class: "gauge-now", cx: x(aer), cy: 22, r: 7}) : null));
}

function showControls(module) {
  const {modules} = recording.data;
  byId("step").max = Math.max(recording.length - 1, 0);
  byId("step").value = state.step;
  const step = recording.steps[state.step];
  byId("step").setAttribute("aria-valuetext", `step ${step}`);
  byId("step-label").replaceChildren(`step ${step}`, html("small", {}, ` of ${recording.steps[recording.length - 1]}`));
  const kinds = Object.entries(kindNames).filter(([kind]) => modules.some(one => one.kind === kind));
  setOptions(byId("kind"), kinds, state.kind);
  setOptions(byId("layer"), recording.modulesOf(state.kind).map(({layer}) => [layer, String(layer)]), state.layer);
  const heads = Array.from({length: module.heads}, (_, head) => [head, String(head)]);
  setOptions(byId("head"), module.heads > 1 ? [["mean", "mean"], ...heads] : heads, state.head);
  for (const name of ["shift", "sort", "axis", "contrast"]) byId(name).value = state[name];
  for (const id of ["shift", "null", "export-pharaoh"]) byId(id).disabled = !isCross();
  if (document.activeElement !== byId("null")) byId("null").value = state.null;
}

function showMaps(score) {
  const {view, module} = shown;
  const probe = recording.data.probes[state.probe];
  const head = headName(recording, module, state.head);
  byId("map-title").textContent = head === `the ${kindNames[state.kind]}` ? capital(kindNames[state.kind])
    : `${capital(kindNames[state.kind])}, ${head}`;
  byId("maps").classList.toggle("long", view.columns.length > 24);
  drawMap(byId("map"), view, byId("map-box").clientWidth);
  byId("scale-end").textContent = `${percent(view.scale, 0)} of a row`;
  byId("map-weights").textContent = weightsNote(recording);
  byId("sentence-title").textContent = `Sentence ${state.probe}`;
  byId("sentence-aer").textContent = "The thicker a line, the more attention" + (!hasGoldToShow(recording) || !isCross()
    ? "." : probe.gold.length === 0 ? ". This sentence has no gold links."
    : `; orange beneath is gold. AER of this sentence: ${percent(score.probes[state.probe].aer)}.`);
  drawSentences(byId("sentence"), view, byId("sentence-box").clientWidth);
  if (byId("map-table-box").open) byId("map-table").replaceChildren(mapTable(view));
}

/** What changes while a run is training. */
const extentOf = data => [data?.run.name, data?.steps.length, data?.curves?.step?.length, data?.finished].join();

/** The charts are drawn anew only when their lines or their size change; a new step only moves their vertical lines. */
function showCurves(history) {
  const {axis, layer, head, kind} = state;
  const key = JSON.stringify([recording.length, extentOf(recording.data), axis, kind, layer, head, history?.shift,
    history?.threshold, innerWidth]);
  if (charts.key !== key) charts = {key, moves: drawCurves(history)};
  for (const move of charts.moves) move(recording.steps[state.step] ?? -1);
}

function drawCurves(history) {
  const {baselines} = recording.data, curves = recording.data.curves ?? {};
  const last = Math.max(recording.steps[recording.length - 1] ?? 0, curves.step?.at(-1) ?? 0);
  const choose = index => { if (recording.length > 0) change({step: index}); };
  const draw = (id, chart, height) => drawChart(byId(id), {last, steps: recording.steps, ...chart},
    {height, logarithmic: state.axis === "log", choose});
  const logged = (id, title, names, inPercent) => {
    const lines = names.filter(name => curves[name]?.some(Number.isFinite)).map((name, i) =>
      ({name: name.replaceAll("_", " "), x: curves.step, y: curves[name], kind: i ? "second" : ""}));
    if (lines.length > 0) return draw(id, {title, lines, percent: inPercent}, 180);
    byId(id).replaceChildren(html("p", {class: "quiet"}, "not recorded"));
    return () => {};
  };
  return [
    history ? drawHeads(history, draw, baselines) : () => {},
    logged("curve-loss", "Loss by step; dashed: on held-out data", ["loss", "validation_loss"], false),
    logged("curve-accuracy", "Token accuracy by step", ["token_accuracy"], true),
    logged("curve-aer", "AER on held-out data by step", ["aer"], true)];
}

/** Of each head of the kind that is shown: its AER where there is gold for it, else its entropy. */
function drawHeads(history, draw, baselines) {
  const heads = [...history.series.values()], gold = hasGoldToShow(recording) && isCross();
  const what = gold ? "AER" : "Entropy";
  const isChosen = one => one.module.layer === state.layer && one.head === state.head;
  const line = one => ({
    name: headName(recording, one.module, one.head), x: recording.steps, y: gold ? one.aer : one.entropy,
    short: heads.length === 1 ? what : shortName(one.module, one.head), kind: isChosen(one) ? "chosen" : "faint"});
  const reached = index => recording.steps[Math.min(index, recording.length - 1)];
  const mark = one => ({
    x: recording.steps[one.found], y: one.aer[one.found], kind: isChosen(one) ? "chosen" : "",
    interval: isChosen(one) ? [reached(one.interval.low), reached(one.interval.high)] : null,
    name: `${headName(recording, one.module, one.head)}: found at step ${recording.steps[one.found]}, ` +
      intervalText(recording, one.interval)});
  byId("heads-curve-title").textContent = `${what} of each head`;
  byId("heads-curve-note").textContent = !gold ? `of ${kindNames[state.kind]}; 0 % is attention to one word alone, 100 % to all alike`
    : `on the sentences of this page${switchesText() && `, ${switchesText()}`}; ◆ where its alignment was found, and its interval`;
  return draw("curve-heads", {
    title: `${what} of each head by step`, percent: true, labelled: true,
    lines: heads.map(line).sort((a, b) => (a.kind === "chosen") - (b.kind === "chosen")),
    levels: !gold ? [] : [{y: baselines.floor, name: "floor"}, {y: baselines.diagonal, name: "diagonal"}]
      .filter(({y}) => y !== null),
    marks: heads.filter(one => one.found >= 0).map(mark)}, 300);
}

let announceTimer = 0;

/** For screen readers: what the page shows now, once it has come to rest. */
function announce() {
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => {
    const aer = isCross() && recording.hasGold ? `, AER ${percent(shown.score.all.aer, 2)}` : "";
    const head = headName(recording, shown.module, state.head);
    const text = `Step ${recording.steps[state.step]}, ${kindNames[state.kind]}, ${head}${aer}`;
    if (byId("live").textContent !== text) byId("live").textContent = text;
  }, 500);
}

async function draw() {
  if (!recording) return;
  const current = () => !again;
  if (recording.length === 0) {
    showParts();
    showHeadlines(null);
    showLogged();
    showCurves(null);
    return;
  }
  const module = settleState(recording);
  const frame = await recording.frame(state.step);
  if (again) return;
  const scored = new Map(headsOf(recording, state.kind).map(({module: of, head}) =>
    [seriesKey(of.name, head), scoreHead(recording, frame, of, head, state.shift, state.null)]));
  const score = scored.get(seriesKey(module.name, state.head));
  shown = {frame, module, score, view: viewOf(frame, module, state.head), own: null};
  showParts();
  showControls(module);
  showFigures(score);
  showLogged();
  showMaps(score);
  showProbes(recording, score, probe => change({probe}));
  const cross = !readsPairs(recording) ? null : await historyOf(recording, "cross", current);
  const own = shown.own = isCross() || again ? cross : await historyOf(recording, state.kind, current);
  if (again) return;
  const chooseHead = (layer, head) => change({layer, head});
  showHeadlines(cross);
  showThumbnails(recording, frame, scored, own, chooseHead);
  showHeads(recording, scored, own, chooseHead);
  showCurves(own);
  await showComparison(recording, module, current);
  announce();
  writeAddress(recording);
}

let running = null, again = false, broken = "";

/** Draws what `state` says. Changes that come while a step is inflated (`again`) are drawn together, afterwards. */
function show() {
  again = true;
  running ??= (async () => {
    try {
      while (again) {
        again = false;
        await draw();
        if (broken) showStatus(broken = "");
      }
    } catch (error) {
      showStatus(broken = `cannot be shown: ${error.message}`);
      throw error;
    } finally {
      running = null;
    }
  })();
  return running;
}

function change(changes) {
  if (changes.mode && changes.mode !== state.mode) Object.assign(state, {a: "", b: ""});
  Object.assign(state, changes);
  if (recording) following = state.step >= recording.length - 1;
  return show();
}

let playing = 0;

function stop() {
  playing = 0;
  byId("play").classList.remove("playing");
  byId("play").setAttribute("aria-label", "Play");
}

async function play() {
  if (playing) return stop();
  const own = playing = performance.now();
  byId("play").classList.add("playing");
  byId("play").setAttribute("aria-label", "Pause");
  if (state.step >= recording.length - 1) await change({step: 0});
  const pause = Math.min(400, Math.max(90, 9000 / recording.length));
  while (playing === own && state.step < recording.length - 1) {
    await new Promise(resolve => setTimeout(resolve, pause));
    if (playing === own) await change({step: state.step + 1});
  }
  if (playing === own) stop();
}

/** The next or previous of a select's options, round and round. */
function turn(id, by = 1) {
  const {options, selectedIndex} = byId(id);
  byId(id).selectedIndex = (selectedIndex + by + options.length) % options.length;
  byId(id).dispatchEvent(new Event("change"));
}

/** Keys of one character, which can be switched off (WCAG 2.1.4). All others are the browser's: they scroll. */
const keys = {
  "[": () => turn("probe", -1), "]": () => turn("probe"), p: () => turn("probe", -1), n: () => turn("probe"),
  h: () => turn("head"), l: () => turn("layer"), k: () => turn("kind"), s: () => turn("shift"),
};

const remembered = "gaze-keys";

function rememberKeys(on) {
  try {
    localStorage.setItem(remembered, on ? "on" : "off");
  } catch {
    // A page from a file may have no storage: then the choice is for as long as it is open.
  }
}

function keysWereOff() {
  try {
    return localStorage.getItem(remembered) === "off";
  } catch {
    return false;
  }
}

function onKey(event) {
  const {target, key} = event;
  if (!recording?.length || !byId("letter-keys").checked || !Object.hasOwn(keys, key)) return;
  // Brackets take Option or AltGr on many keyboards; letters with these are other shortcuts.
  const composed = "[]".includes(key) && (event.altKey || event.getModifierState("AltGraph"));
  if (!composed && (event.ctrlKey || event.metaKey || event.altKey)) return;
  if (target.matches("select, textarea, input:not([type=range], [type=checkbox])")) return;
  if (byId("shift").disabled && key === "s") return;
  event.preventDefault();
  keys[key]();
}

const pointing = "Point at a cell to read its weight, or go to the map with the Tab key and use the arrows.";

function listen() {
  const on = (id, type, action) =>
    byId(id).addEventListener(type, event => { if (recording?.length || id.startsWith("export-curves")) action(event.target.value); });
  on("step", "input", value => { stop(); change({step: Number(value)}); });
  on("play", "click", play);
  for (const name of ["kind", "shift", "sort", "axis", "contrast"]) on(name, "change", value => change({[name]: value}));
  for (const name of ["layer", "probe"]) on(name, "change", value => change({[name]: Number(value)}));
  on("head", "change", value => change({head: parseHead(value)}));
  on("null", "input", value => change({null: Number(value)}));
  on("null", "blur", () => change({}));
  on("compare-mode", "change", value => change({mode: value}));
  on("compare-a", "change", value => change({a: value}));
  on("compare-b", "change", value => change({b: value}));
  on("map-table-box", "toggle", () => change({}));
  on("show-found", "click", () => {
    const {module, head, found} = firstFound(recording, histories.get("cross")).first;
    change({kind: "cross", layer: module.layer, head, step: found});
  });
  listenToExports(on);
  readCells(byId("map"), text => { byId("readout").textContent = text || pointing; });
  for (const id of ["map-a", "map-b", "map-difference"])
    readCells(byId(id), text => { byId("compare-readout").textContent = text; });
  byId("letter-keys").checked = !keysWereOff();
  byId("letter-keys").addEventListener("change", event => rememberKeys(event.target.checked));
  addEventListener("keydown", onKey);
  addEventListener("hashchange", () => { if (recording?.length) { readAddress(recording); change({}); } });
  addEventListener("resize", show);
  dark.addEventListener("change", show);
}

/** Takes a new or longer recording. The first one also says what to show where the address does not. */
function take(data) {
  const known = recording?.length ?? 0, first = known === 0;
  const longer = !first && String(data.steps.slice(0, known)) === String(recording.steps);
  if (longer) recording.append(data);
  else recording = new Recording(first ? data : {...data, streams: []});  // another run: its beginning comes next
  if (first && recording.length > 0) {
    const start = data.modules.find(({name}) => name === data.start?.module);
    Object.assign(state, {kind: start?.kind, layer: start?.layer, head: data.start?.head, step: recording.length - 1});
    const address = readAddress(recording);
    following = !address.has("step") || state.step === recording.length - 1;
    state.probe = address.has("probe") ? state.probe : 0;
  }
  if (following) state.step = Math.max(recording.length - 1, 0);
  showConfig(recording);
}

function showStatus(text) {
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

/** Whether all steps of a finished run are here. */
const isComplete = () => Boolean(recording?.data.finished) && recording.length === recording.data.steps.length;

async function ask() {
  try {
    return await fetchFrom(recording?.length ?? 0);
  } catch (error) {
    showStatus(error instanceof ServerError ? error.message : "not reachable");
    return null;
  }
}

/** Asks the server every second for what is new, until the run has finished. */
async function follow() {
  const data = await ask();
  try {
    if (data) await showAnswer(data);
  } finally {
    if (!isComplete()) setTimeout(follow, 1000);
  }
}

async function showAnswer(data) {
  const {finished, run, steps} = data;
  const {steps_done: done, config} = run;
  showStatus(!finished ? `training: step ${done} of ${config?.steps ?? "?"}`
    : done < (config?.steps ?? 0) ? `stopped at step ${done}` : "finished");
  if (recording?.length === steps.length && extentOf(data) === extentOf(recording.data)) return;
  take(data);
  await show();
}

async function start() {
  listen();
  const inPage = JSON.parse(byId("data").textContent);
  if (inPage.live) return follow();
  take(inPage);
  return show();
}

window.gaze = {state, foundAt, foundInterval, ready: start().catch(error => {
  byId("headline").textContent = `This recording cannot be shown: ${error.message}`;
  throw error;
})};
