// Everything the page says about a run in sentences.

const kindNames = {cross: "cross-attention", encoder: "encoder self-attention", decoder: "decoder self-attention"};

/** "layer 1, head 2", "the mean of the heads of layer 1", or "the cross-attention" where there is only one. From 0. */
function headName(recording, module, head) {
  const modules = recording.modulesOf(module.kind);
  const layer = `layer ${module.layer}`;
  if (modules.length === 1 && module.heads === 1) return `the ${kindNames[module.kind]}`;
  if (module.heads === 1) return layer;
  if (head === "mean") return modules.length === 1 ? "the mean of the heads" : `the mean of the heads of ${layer}`;
  return modules.length === 1 ? `head ${head}` : `${layer}, head ${head}`;
}

/** "L1 H2", where there is little room. */
const shortName = (module, head) => `L${module.layer} ${head === "mean" ? "mean" : `H${head}`}`;

/** A word of a text within a sentence of the page: its direction of writing stays its own. */
const isolated = word => `\u2068${word}\u2069`;

const isGuided = (recording, module, head) => {
  const {guided} = recording.data;
  return Boolean(guided) && guided.module === module.name && String(guided.head) === String(head);
};

const lastOf = one => one.aer[one.aer.length - 1];
const byFound = (a, b) => a.found - b.found || lastOf(a) - lastOf(b);

/** Which head found the alignment: the first on its own, or the guided one; and the mean that did so earlier, if any. */
function firstFound(recording, history) {
  const found = [...history.series.values()].filter(one => one.found >= 0).sort(byFound);
  const guided = one => isGuided(recording, one.module, one.head);
  const head = found.find(one => one.head !== "mean" && !guided(one)) ?? found.find(guided);
  const mean = found.find(one => one.head === "mean");
  return {first: mean && (!head || mean.found < head.found) ? mean : head, head, mean};
}

/** Without gold links nobody knows how right attention is, but how sure of itself it is can be said. */
function sharpestSentence(recording, heads) {
  const last = recording.length - 1;
  const entropyOf = one => one.entropy[last] ?? 1;
  const best = heads.reduce((a, b) => entropyOf(b) < entropyOf(a) ? b : a);
  return `At step ${recording.steps[last]}, ${headName(recording, best.module, best.head)} is the sharpest: its entropy ` +
    `is ${percent(entropyOf(best))} of that of even attention.`;
}

/** Whether the model reads a source and has cross-attention to it: alignments and their figures are of such models. */
const readsPairs = recording => recording.data.modules.some(({kind}) => kind === "cross");

/** What to say where there is no attention to show: why, or that it is still to come. */
const nothingRecorded = data => data.no_attention || "Nothing has been recorded yet.";

/** `history`: of cross-attention, or null where the model has none. */
function headline(recording, history) {
  if (recording.length === 0) return nothingRecorded(recording.data);
  if (!history)
    return `Self-attention at ${recording.length} steps of the training, up to step ${recording.steps[recording.length - 1]}.`;
  const heads = [...history.series.values()];
  if (!recording.hasGold) return sharpestSentence(recording, heads);
  const best = heads.reduce((a, b) => lastOf(b) < lastOf(a) ? b : a);
  const name = headName(recording, best.module, best.head);
  const last = recording.steps[recording.length - 1], lowest = percent(lastOf(best));
  if (recording.length === 1)
    return `At step ${last}, the only one recorded, ${name} has the lowest alignment error rate (AER), ${lowest}.`;
  const {first} = firstFound(recording, history);
  if (first) return foundSentence(recording, first, last);
  return `No head has found the alignment${recording.data.finished ? "" : " yet"}; the best at step ${last} is ` +
    `${name}, with an alignment error rate (AER) of ${lowest}.`;
}

/** "95 % interval 340 to 460", of steps. */
function intervalText(recording, {low, high}) {
  const end = high < recording.length ? `to ${recording.steps[high]}` : "or later, or never";
  return low === high ? `the same in 95 % of resamples of the sentences`
    : `95 % interval ${recording.steps[low]} ${end}`;
}

/** How the alignment is read where the switches are not as usual. */
const switchesText = () => [state.shift === "produced" ? "" : `row “${state.shift}”`,
  state.null > 0 ? `null threshold ${state.null}` : ""].filter(Boolean).join(", ");

function foundSentence(recording, one, last) {
  const guided = isGuided(recording, one.module, one.head) ? ", which was guided," : "";
  const others = recording.data.modules.some(({kind}) => kind !== "cross") && !/attention$/.test(headName(recording, one.module, one.head));
  const who = capital(headName(recording, one.module, one.head)) + (others ? " of cross-attention" : "") + guided;
  const highest = Math.max(...one.aer.slice(one.found, one.found + foundRun));
  const notes = [intervalText(recording, one.interval), switchesText()].filter(Boolean).join("; ");
  return `${who} found the alignment at step ${recording.steps[one.found]} (${notes}): its alignment error rate (AER) is ` +
    `at most ${percent(highest)} at ${foundRun} recorded steps in a row, and ${percent(lastOf(one))} at step ${last}.`;
}

function underHeadline(recording, history) {
  const {guided} = recording.data;
  if (recording.length === 0) return "";
  if (!history) return "This model reads one text: a row shows where a word looks.";
  if (!recording.hasGold)
    return "This text has no gold alignment, so that the page shows where attention goes and not how right that is.";
  const own = [...history.series.values()].filter(one =>
    one.head !== "mean" && !isGuided(recording, one.module, one.head));
  const found = own.filter(one => one.found >= 0).length;
  const sentences = [];
  const {first, head} = firstFound(recording, history);
  if (first && first !== head)
    sentences.push(head ? `The first head on its own is ${headName(recording, head.module, head.head)}, at step ` +
      `${recording.steps[head.found]} (${intervalText(recording, head.interval)}).` : "No head found it on its own.");
  if (own.length > 1 && recording.length > 1 && (found > 0 || !first))
    sentences.push(`${found} of ${own.length} heads${guided ? " that were not guided" : ""} found it.`);
  if (guided) {
    const module = recording.data.modules.find(({name}) => name === guided.module);
    const name = module ? headName(recording, module, guided.head) : guided.module;
    sentences.push(`${capital(name)} was guided: it was trained towards the gold alignment ` +
      `(weight ${guided.weight}), so that its AER says how well it learned what it was told.`);
  }
  return sentences.join(" ");
}

/** Whose weights the maps are of, and whose the other commands use. */
function weightsNote(recording) {
  const step = recording.steps[state.step], {in_use: used} = recording.data;
  const own = `Made with the training's weights at step ${step}.`;
  if (!used) return own;
  const known = used.step === null ? "" : `, of step ${used.step}`;
  return `${own} translate, align and inspect use ${used.file}${known}.`;
}

const hasGoldToShow = recording => readsPairs(recording) && recording.hasGold;

/** How each number is made. Pairs of a term and its explanation. */
function explanations(recording) {
  const {baselines, probes, recorded, steps, aer_of: aerOf} = recording.data;
  const floor = percent(baselines.floor, 2), diagonal = percent(baselines.diagonal, 2);
  const ofGold = new Set(["AER", "Floor", "Diagonal", "Found (◆)", "Gold, end"]);
  return Object.entries({
    "Attention": `The weights after the softmax and before dropout, while the reference translation is read in
      (teacher forcing). Row t has read the target up to its word t and predicts word t + 1; each row sums to 1.
      Cross-attention is stored in parts of 1/50,000, rounded down; self-attention in parts of 1/255, rounded to the
      nearest. The mean of the heads of cross-attention is stored in its own right; that of self-attention is averaged
      on this page. The place on the colour scale is the weight, from 0 to 1, or where “stretched” is chosen from 0 to the
      largest weight of the map.`,
    ...(!probes.some(probe => probe.twice) ? {} : {"Words": `The model reads pieces of words, and this page shows
      words: the rows of a word's pieces are averaged, their columns summed. Gold links and scores are of words.`}),
    "Links": `Every target word is linked to the source word with the largest weight in the word's row, the first of
      equals. The word's row is the one that produces the word (“produced”), or the next one, which has just read it
      (“consumed”). The end-of-sentence column is left out. With a null threshold p, a word whose largest weight is
      below p gets no link.`,
    "AER": `Alignment error rate (Och and Ney 2003): with A the links so made, S the sure gold links and P the sure and
      possible ones, AER = 1 − (|A∩S| + |A∩P|) / (|A| + |S|), and 0 where A and S are both empty. Precision is
      |A∩P| / |A|, recall |A∩S| / |S|, and “–” where that divides by zero. This page computes them from the stored
      weights, over all ${probes.length} sentences, as the switches say. AER is not the share of wrong links: sure
      links that were missed count, too.`,
    "Floor": `${floor}: the AER of the best single link for each target word. With one link per word nothing is lower.`,
    "Diagonal": `${diagonal}: the AER of linking each word to the one at the same part of its sentence, without looking at any
      attention. A head that is no better shows no skill; and where the diagonal itself is near the floor, a low AER
      says little.`,
    "Found (◆)": `The first of ${foundRun} recorded steps in a row at which a head's AER is at most the floor plus 15
      percentage points, as the switches say. The 95 % interval says how far that hangs on these ${probes.length}
      sentences: they are drawn anew, with replacement, 1,000 times from a fixed seed, and the step is looked for in each
      draw with the same bar. It says nothing about other seeds of the training.`,
    "Entropy": `Of the rows of words, as a share of that of even attention to all that a row sees: 0 % is one word alone,
      100 % all alike; the mean over all sentences at the step, of rows as the switch says. “–”: the rows are too long
      for the precision in which self-attention is stored.`,
    "Gold, end": `On gold links: the mean share of a row's weight that lies on its gold links, sure or possible. On
      </s>: the mean share on the end-of-sentence column.`,
    "Steps": `The program kept the attention of ${recorded ?? steps.length} steps of the training; this page shows
      ${steps.length} of them${recorded > steps.length ? ", so as to stay small" : ""}. Layers, heads and sentences are counted
      from 0, as in the names of modules and files.`,
    "Curves": `Loss, token accuracy and “AER, held-out data” are the training's own log; dashed: the loss on held-out
      data. A guided head's loss is part of the training's, not of the held-out one. Token accuracy is the share of target tokens predicted right when the right ones before are given. The
      logged AER is measured on: ${aerOf ?? "what the log says"}. The AER of each head is measured on the sentences of
      this page. Points are joined over steps that have none; at steps between two logged ones, values are interpolated.`,
    "A against B": `The difference is the weight in A less the weight in B, cell by cell, from −1 (orange) to 1
      (blue).`,
  }).filter(([term]) => readsPairs(recording) || term !== "Links").filter(([term]) => hasGoldToShow(recording) || !ofGold.has(term));
}
