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

/** Which head found the alignment: the first on its own; else the first mean; else the guided one; else none. */
function firstFound(recording) {
  const found = [...recording.series.values()].filter(one => one.found >= 0).sort(byFound);
  const guided = one => isGuided(recording, one.module, one.head);
  return found.find(one => one.head !== "mean" && !guided(one)) ?? found.find(one => one.head === "mean") ?? found.find(guided);
}

function headline(recording) {
  const heads = [...recording.series.values()];
  if (recording.length === 0 || heads.length === 0) return "Nothing has been recorded yet.";
  const best = heads.reduce((a, b) => lastOf(b) < lastOf(a) ? b : a);
  const name = one => headName(recording, one.module, one.head);
  const last = recording.steps[recording.length - 1];
  if (recording.length === 1)
    return `Only step ${last} was recorded: there, ${name(best)} has the lowest alignment error rate (AER), ${percent(lastOf(best))}.`;
  const one = firstFound(recording);
  if (!one) return `No head has found the alignment${recording.data.finished ? "" : " yet"}; the best at step ${last} is ` +
    `${name(best)}, with an alignment error rate (AER) of ${percent(lastOf(best))}.`;
  const worst = Math.max(...one.aer.slice(one.found));
  const who = capital(name(one)) + (isGuided(recording, one.module, one.head) ? ", which was guided," : "");
  if (one.found === recording.length - 1)
    return `${who} reached the alignment at the last recorded step, ${last}: its alignment error rate (AER) is ${percent(worst)} there.`;
  const when = one.found === 0 ? `has the alignment from the first recorded step (${recording.steps[0]}) on: its` :
    `found the alignment at step ${recording.steps[one.found]}: from then on its`;
  const end = worst > lastOf(one) + 5e-4 ? `, and is ${percent(lastOf(one))} at step ${last}` : "";
  return `${who} ${when} alignment error rate (AER) is never above ${percent(worst)}${end}.`;
}

function underHeadline(recording) {
  const single = [...recording.series.values()].filter(one => one.head !== "mean");
  const found = single.filter(one => one.found >= 0).length;
  const {guided} = recording.data;
  const sentences = [];
  if (single.length > 1 && recording.length > 1) sentences.push(`${found} of ${single.length} heads found it.`);
  if (guided) {
    const module = recording.data.modules.find(({name}) => name === guided.module);
    sentences.push(`${capital(module ? headName(recording, module, guided.head) : guided.module)} was guided: it was trained towards ` +
      `the gold alignment (weight ${guided.weight}), so that its AER says how well it learned what it was told.`);
  }
  return sentences.join(" ");
}

/** How each number is made. Pairs of a term and its explanation. */
function explanations(recording) {
  const {baselines, aer_of: aerOf} = recording.data;
  return [
    ["Attention", "The weights after the softmax, before dropout, with the reference translation read in (teacher forcing). Row t has " +
      "read the target up to its word t and predicts word t + 1; each row sums to 1. Cross-attention is stored in parts of 1/50,000, " +
      "rounded down; self-attention in parts of 1/255, rounded to the nearest. The mean of the heads of cross-attention is stored in its " +
      "own right; that of self-attention is averaged on this page. Colour is proportional to the weight, from 0 to 1, in every map."],
    ["Links", "Every target word is linked to the source word with the largest weight in the word's row, the first of equals. The word's row " +
      "is the one that produces the word (“produced”) or the next one, which has just read it (“consumed”). The end-of-sentence column is " +
      "left out. With a null threshold p, a word whose largest weight is below p gets no link."],
    ["AER", "Alignment error rate (Och and Ney 2003): with A the links found, S the sure gold links and P the sure and possible ones, " +
      "AER = 1 − (|A∩S| + |A∩P|) / (|A| + |S|), 0 where A and S are both empty. Precision is |A∩P| / |A|, recall |A∩S| / |S|, and “–” " +
      "where nothing is to be divided by. They're computed on this page from the stored weights, over all " +
      `${recording.data.probes.length} probes, as chosen by the switches. It is not the share of wrong links: a gold link that is missing ` +
      "counts, too."],
    ["Floor and diagonal", `Floor (${percent(baselines.floor, 2)}): the AER of the best single link for each target word; with one link a word ` +
      `nothing can do better. Diagonal (${percent(baselines.diagonal, 2)}): the AER of linking each word to the one at its own place, without ` +
      "looking at any attention. An AER near the diagonal shows no skill, and where the diagonal itself is near the floor, a low AER says little."],
    ["Found", "A head's mark (◆) is the first recorded step from which on its AER never again rises above floor + 15 percentage points " +
      "(shift “produced”, no threshold), to the last recorded step. A run still in training can lose its mark again."],
    ["Entropy, gold, end", "Computed by the program at each recorded step over all probes, at shift “produced” and without threshold. " +
      "Entropy: of the rows of target words, divided by its greatest possible value: 0 % is one word alone, 100 % all alike. " +
      "Gold: the mean share of a row's weight that lies on its gold links, sure or possible. End: the mean share on the end-of-sentence column."],
    ["Curves", "Loss, accuracy and the AER beside them are the training's own log, on held-out data where it says so; token accuracy is the " +
      `share of target tokens predicted right, given the right ones before. That AER is of ${aerOf ?? "the attention named in the log"}, ` +
      "on the held-out data; the curve of each head is measured on the probes. Between logged steps the points on the curves are interpolated."],
    ["A against B", "The difference is the weight in A less the weight in B, cell by cell, from −1 (orange) to 1 (blue)."],
  ];
}
