// Everything the page says about a run in sentences.

const kindNames = {cross: "cross-attention", encoder: "encoder self-attention", decoder: "decoder self-attention"};

/** "layer 2, head 3", "the mean of the heads of layer 2", or "the cross-attention" where there is only one. */
function headName(recording, module, head) {
  const modules = recording.modulesOf(module.kind);
  const layer = `layer ${module.layer + 1}`;
  if (modules.length === 1 && module.heads === 1) return `the ${kindNames[module.kind]}`;
  if (module.heads === 1) return layer;
  if (head === "mean") return modules.length === 1 ? "the mean of the heads" : `the mean of the heads of ${layer}`;
  return modules.length === 1 ? `head ${head + 1}` : `${layer}, head ${head + 1}`;
}

/** "L2 H3", where there is little room. */
const shortName = (module, head) => `L${module.layer + 1} ${head === "mean" ? "mean" : `H${head + 1}`}`;

const isGuided = (recording, module, head) => {
  const {guided} = recording.data;
  return Boolean(guided) && guided.module === module.name && String(guided.head) === String(head);
};

const lastOf = one => one.aer[one.aer.length - 1];
const byFound = (a, b) => a.found - b.found || lastOf(a) - lastOf(b);

/** Which head found the alignment: the first on its own; else the guided one; else the first mean; else none. */
function firstFound(recording) {
  const found = [...recording.series.values()].filter(one => one.found >= 0).sort(byFound);
  const guided = one => isGuided(recording, one.module, one.head);
  return found.find(one => one.head !== "mean" && !guided(one)) ?? found.find(guided) ?? found[0];
}

/** Without gold links nobody knows how right attention is, but how sure of itself it is can be said. */
function sharpestSentence(recording, heads) {
  const last = recording.length - 1;
  const entropyOf = one => one.scores[last]?.entropy ?? 1;
  const best = heads.reduce((a, b) => entropyOf(b) < entropyOf(a) ? b : a);
  return `At step ${recording.steps[last]}, ${headName(recording, best.module, best.head)} is the sharpest: its entropy ` +
    `is ${percent(entropyOf(best))} of that of even attention.`;
}

/** Whether the model reads a source and has cross-attention to it: alignments and their figures are of such models. */
const readsPairs = recording => recording.data.modules.some(({kind}) => kind === "cross");

function headline(recording) {
  const heads = [...recording.series.values()];
  if (recording.length === 0 || (heads.length === 0 && readsPairs(recording))) return "Nothing has been recorded yet.";
  if (heads.length === 0)
    return `Self-attention at ${recording.length} steps of the training, up to step ${recording.steps[recording.length - 1]}.`;
  if (!recording.hasGold) return sharpestSentence(recording, heads);
  const best = heads.reduce((a, b) => lastOf(b) < lastOf(a) ? b : a);
  const name = headName(recording, best.module, best.head);
  const last = recording.steps[recording.length - 1], lowest = percent(lastOf(best));
  if (recording.length === 1)
    return `At step ${last}, the only one recorded, ${name} has the lowest alignment error rate (AER), ${lowest}.`;
  const found = firstFound(recording);
  if (found) return foundSentence(recording, found, last);
  return `No head has found the alignment${recording.data.finished ? "" : " yet"}; the best at step ${last} is ` +
    `${name}, with an alignment error rate (AER) of ${lowest}.`;
}

function foundSentence(recording, one, last) {
  const guided = isGuided(recording, one.module, one.head) ? ", which was guided," : "";
  const who = capital(headName(recording, one.module, one.head)) + guided;
  const highest = Math.max(...one.aer.slice(one.found)), rate = "alignment error rate (AER)";
  if (one.found === recording.length - 1)
    return `${who} reached the alignment at the last recorded step, ${last}, with an ${rate} of ${percent(highest)}.`;
  const when = one.found === 0 ? `has the alignment from the first recorded step, ${recording.steps[0]}, on: its`
    : `found the alignment at step ${recording.steps[one.found]}: from then on its`;
  const end = percent(highest) === percent(lastOf(one)) ? "" : `, and is ${percent(lastOf(one))} at step ${last}`;
  return `${who} ${when} ${rate} is never above ${percent(highest)}${end}.`;
}

function underHeadline(recording) {
  const {guided} = recording.data;
  if (recording.length > 0 && !readsPairs(recording))
    return "This model reads one text: a row shows where a word looks.";
  if (recording.length > 0 && !recording.hasGold)
    return "This text has no gold alignment, so that the page shows where attention goes and not how right that is.";
  const own = [...recording.series.values()].filter(one =>
    one.head !== "mean" && !isGuided(recording, one.module, one.head));
  const found = own.filter(one => one.found >= 0).length;
  const sentences = [];
  if (own.length > 1 && recording.length > 1)
    sentences.push(`${found} of ${own.length} heads${guided ? " that were not guided" : ""} found it.`);
  if (guided) {
    const module = recording.data.modules.find(({name}) => name === guided.module);
    const name = module ? headName(recording, module, guided.head) : guided.module;
    sentences.push(`${capital(name)} was guided: it was trained towards the gold alignment ` +
      `(weight ${guided.weight}), so that its AER says how well it learned what it was told.`);
  }
  return sentences.join(" ");
}

/** How each number is made. Pairs of a term and its explanation. */
function explanations(recording) {
  const {baselines, probes, recorded, steps, aer_of: aerOf} = recording.data;
  const floor = percent(baselines.floor, 2), diagonal = percent(baselines.diagonal, 2);
  const ofPairs = new Set(["Links", "AER", "Floor", "Diagonal", "Found (◆)", "Entropy, gold, end"]);
  return Object.entries({
    "Attention": `The weights after the softmax and before dropout, while the reference translation is read in
      (teacher forcing). Row t has read the target up to its word t and predicts word t + 1; each row sums to 1.
      Cross-attention is stored in parts of 1/50,000, rounded down; self-attention in parts of 1/255, rounded to the
      nearest. The mean of the heads of cross-attention is stored in its own right; that of self-attention is averaged
      on this page. In every map, the place on the colour scale is the weight, from 0 to 1.`,
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
    "Found (◆)": `The first recorded step from which on, to the last one, a head's AER never again rises above the floor
      plus 15 percentage points (shift “produced”, no threshold). A run that is still training can lose its mark.`,
    "Entropy, gold, end": `Computed by the program at each recorded step over all sentences, at shift “produced” and
      without threshold, whatever the switches say. Entropy: of the rows of target words, as a share of the largest
      possible: 0 % is one word alone, 100 % all alike. On gold links: the mean share of a row's weight that lies on
      its gold links, sure or possible. On </s>: the mean share on the end-of-sentence column.`,
    "Steps": `The program kept the attention of ${recorded ?? steps.length} steps of the training; this page shows
      ${steps.length} of them${recorded > steps.length ? ", so as to stay small" : ""}.`,
    "Curves": `Loss, token accuracy and “AER, held-out data” are the training's own log; dashed: the loss on held-out
      data. A guided head's loss is part of the training's, not of the held-out one. Token accuracy is the share of target tokens predicted right when the right ones before are given. The
      logged AER is measured on: ${aerOf ?? "what the log says"}. The AER of each head is measured on the sentences of
      this page. At steps between two logged ones, values are interpolated.`,
    "A against B": `The difference is the weight in A less the weight in B, cell by cell, from −1 (orange) to 1
      (blue).`,
  }).filter(([term]) => readsPairs(recording) || !ofPairs.has(term));
}
