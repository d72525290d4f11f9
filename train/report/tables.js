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

function showThumbnails(recording, frame, scored, choose) {
  const box = byId("thumbnails");
  const several = recording.modulesOf(state.kind).length > 1;
  const rows = recording.modulesOf(state.kind).map(module => html("div", {class: "row"},
    headsOf(recording, state.kind).filter(one => one.module === module).map(({head}) => {
      const canvas = html("canvas", {"aria-hidden": "true"});
      drawThumbnail(canvas, frame.matrix(module, head, state.probe));
      const aer = scored.get(seriesKey(module.name, head))?.all.aer;
      const index = recording.series.get(seriesKey(module.name, head))?.found ?? -1;
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

function showHeads(recording, scored, choose) {
  const {baselines} = recording.data;
  const step = recording.steps[state.step];
  const row = ({module, head}) => {
    const one = recording.series.get(seriesKey(module.name, head));
    const score = one?.scores[state.step] ?? {};
    const found = !recording.hasGold ? "–" : one && one.found >= 0 ? `◆ step ${recording.steps[one.found]}` : "not found";
    const hasEnd = recording.data.probes.some(probe => probe.keys.length > probe.source.length);
    const chosen = module.layer === state.layer && head === state.head && state.kind === "cross";
    return html("tr", {class: chosen ? "chosen" : null},
      html("td", {}, html("button", {
        type: "button", "data-key": `${module.layer}/${head}`, onclick: () => choose(module.layer, head)},
        capital(headName(recording, module, head)) + (isGuided(recording, module, head) ? " (guided)" : ""))),
      numberCell(percent(scored.get(seriesKey(module.name, head))?.all.aer, 2)), numberCell(percent(score.entropy)),
      numberCell(recording.hasGold ? percent(score.gold_mass) : "–"), numberCell(hasEnd ? percent(score.end_mass) : "–"), numberCell(found));
  };
  const baseline = (name, value) => html("tr", {class: "baseline"}, html("td", {}, name), numberCell(percent(value, 2)),
    Array.from({length: 4}, () => numberCell("")));
  renew(byId("heads"), [
    headRow([`Step ${step}`, "AER", "Entropy", "On gold links", "On </s>", "Found"], i => i > 0),
    html("tbody", {}, headsOf(recording, "cross").map(row),
      baseline("Floor: best link for each word", baselines.floor),
      baseline("Diagonal: without looking", baselines.diagonal))]);
}

/** Indices of the probes as `state.sort` wants them. */
function sortedProbes(recording, score) {
  const order = recording.data.probes.map((_, p) => p);
  if (state.sort === "order" || !score) return order;
  const sign = state.sort === "best" ? 1 : -1;
  const noGold = p => recording.gold[p].size === 0;
  return order.sort((a, b) => noGold(a) - noGold(b) || sign * (score.probes[a].aer - score.probes[b].aer) || a - b);
}

function showProbes(recording, score, choose) {
  const {probes} = recording.data;
  const order = sortedProbes(recording, score);
  const aer = p => !score ? "–" : probes[p].gold.length > 0 ? percent(score.probes[p].aer) : "no gold";
  const short = words => clip(words.join(" "), 13, 170);
  const pair = ({source, target}) => source.length > 0 ? `${short(source)} → ${short(target)}` : short(target);
  const figure = p => readsPairs(recording) ? ` (${aer(p)})` : "";
  setOptions(byId("probe"), order.map(p => [p, `${p + 1}: ${pair(probes[p])}${figure(p)}`]), state.probe);
  const row = p => html("tr", {class: p === state.probe ? "chosen" : null},
    html("td", {}, html("button", {
      type: "button", "data-key": p, onclick: () => choose(p), "aria-label": `Show sentence ${p + 1}`}, String(p + 1))),
    ...(!readsPairs(recording) ? [] :
      [numberCell(aer(p)), html("td", {title: probes[p].source.join(" ")}, probes[p].source.join(" "))]),
    html("td", {title: probes[p].target.join(" ")}, probes[p].target.join(" ")));
  renew(byId("probes"), [
    readsPairs(recording) ? headRow(["No.", "AER", "Source", "Target"], i => i === 1) : headRow(["No.", "Text"], () => false),
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
