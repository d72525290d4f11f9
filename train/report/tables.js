// The tables: figures of all heads, the sentences, the options of the run; and the thumbnails above them.

const numberCell = text => html("td", {class: "number"}, text);
/** The head of a table; numbers(i) says whether column i holds numbers. */
const headRow = (names, numbers) => html("thead", {}, html("tr", {}, names.map((name, i) =>
  html("th", {scope: "col", class: numbers(i) ? "number" : null}, name))));

/** Every layer and head of the chosen kind, mean included: {module, head}. */
const headsOf = (recording, kind) => recording.modulesOf(kind).flatMap(module =>
  [...Array(module.heads).keys(), ...(module.heads > 1 ? ["mean"] : [])].map(head => ({module, head})));

/** Keeps a focused button focused when the elements around it are renewed. */
function renew(container, children) {
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const [left, top] = [container.scrollLeft, container.scrollTop];
  container.replaceChildren(...children);
  if (focused) container.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
  container.scrollTo(left, top);
}

function showThumbnails(recording, frame, scored, history, choose) {
  const box = byId("thumbnails");
  const several = recording.modulesOf(state.kind).length > 1;
  const rows = recording.modulesOf(state.kind).map(module => html("div", {class: "row"},
    headsOf(recording, state.kind).filter(one => one.module === module).map(({head}) => {
      const canvas = html("canvas", {"aria-hidden": "true"});
      drawThumbnail(canvas, frame.matrix(module, head, state.probe));
      const key = seriesKey(module.name, head), aer = scored.get(key).all.aer;
      const index = history.series.get(key).found;
      const found = index >= 0 && index <= state.step;
      const name = several || module.heads > 1 ? shortName(module, head) : "attention";
      return html("button", {
        class: "thumb", type: "button", "data-key": `${module.layer}/${head}`,
        onclick: () => choose(module.layer, head),
        "aria-pressed": String(module.layer === state.layer && head === state.head),
        "aria-label": capital(headName(recording, module, head)) + (Number.isFinite(aer) ? `, AER ${percent(aer)}` : "")},
        canvas, html("b", {}, name),
        !Number.isFinite(aer) ? null : html("span", {}, percent(aer), html("span", {}, found ? "◆" : "")));
    })));
  renew(box, rows);
}

/** The columns that the recording has figures for: [name, of a head's score and series, digits]. */
function columnsOfHeads(recording) {
  const gold = recording.hasGold && isCross();
  const hasEnd = isCross() && recording.data.probes.some(probe => probe.keys.length > probe.source.length);
  const foundText = one => one.found < 0 ? "not found"
    : `◆ step ${recording.steps[one.found]} (${intervalText(recording, one.interval)})`;
  return [
    gold ? ["AER", score => percent(score.all.aer, 2)] : null, ["Entropy", score => percent(score.entropy)],
    gold ? ["On gold links", score => percent(score.onGold)] : null,
    hasEnd ? ["On </s>", score => percent(score.onEnd)] : null,
    gold ? ["Found", (_, one) => foundText(one)] : null].filter(Boolean);
}

function showHeads(recording, scored, history, choose) {
  const {baselines} = recording.data;
  const columns = columnsOfHeads(recording);
  const row = ({module, head}) => {
    const key = seriesKey(module.name, head);
    const chosen = module.layer === state.layer && head === state.head;
    return html("tr", {class: chosen ? "chosen" : null},
      html("td", {}, html("button", {
        type: "button", "data-key": `${module.layer}/${head}`, onclick: () => choose(module.layer, head)},
        capital(headName(recording, module, head)) + (isGuided(recording, module, head) ? " (guided)" : ""))),
      columns.map(([, figure]) => numberCell(figure(scored.get(key), history.series.get(key)))));
  };
  const baseline = (name, value) => html("tr", {class: "baseline"}, html("td", {}, name), numberCell(percent(value, 2)),
    columns.slice(1).map(() => numberCell("")));
  renew(byId("heads"), [
    headRow([`Step ${recording.steps[state.step]}`, ...columns.map(([name]) => name)], i => i > 0),
    html("tbody", {}, headsOf(recording, state.kind).map(row), !recording.hasGold || !isCross() ? [] : [
      baseline("Floor: best link for each word", baselines.floor),
      baseline("Diagonal: without looking", baselines.diagonal)])]);
}

/** Indices of the probes as `state.sort` wants them. */
function sortedProbes(recording, score) {
  const order = recording.data.probes.map((_, p) => p);
  if (state.sort === "order" || !score?.probes || !recording.hasGold) return order;
  const sign = state.sort === "best" ? 1 : -1;
  const noGold = p => recording.gold[p].size === 0;
  return order.sort((a, b) => noGold(a) - noGold(b) || sign * (score.probes[a].aer - score.probes[b].aer) || a - b);
}

function showProbes(recording, score, choose) {
  const {probes} = recording.data;
  const order = sortedProbes(recording, score);
  const scored = Boolean(score?.probes) && recording.hasGold;
  const aer = p => probes[p].gold.length > 0 ? percent(score.probes[p].aer) : "no gold";
  const short = words => isolated(clip(words.join(" "), 13, 170));
  const pair = ({source, target}) => source.length > 0 ? `${short(source)} → ${short(target)}` : short(target);
  const figure = p => scored ? ` (${aer(p)})` : "";
  setOptions(byId("probe"), order.map(p => [p, `${p}: ${pair(probes[p])}${figure(p)}`]), state.probe);
  const sentence = words => html("td", {class: "sentence", dir: "auto", title: words.join(" ")}, words.join(" "));
  const row = p => html("tr", {class: p === state.probe ? "chosen" : null},
    html("td", {}, html("button", {
      type: "button", "data-key": p, onclick: () => choose(p), "aria-label": `Show sentence ${p}`}, String(p))),
    scored ? numberCell(aer(p)) : null, readsPairs(recording) ? sentence(probes[p].source) : null,
    sentence(probes[p].target));
  renew(byId("probes"), [
    headRow(["No.", ...(scored ? ["AER"] : []), ...(readsPairs(recording) ? ["Source", "Target"] : ["Text"])],
      i => scored && i === 1),
    html("tbody", {}, order.map(row))]);
}

function showConfig(recording) {
  const text = value => typeof value === "string" ? value : JSON.stringify(value);
  const options = Object.entries(recording.data.run.config ?? {});
  byId("config").replaceChildren(html("tbody", {}, options.map(([name, value]) =>
    html("tr", {}, html("th", {scope: "row"}, name), html("td", {}, text(value))))));
  byId("explanations").replaceChildren(...explanations(recording).flatMap(([term, explanation]) =>
    [html("dt", {}, term), html("dd", {}, explanation)]));
}
