// From attention to alignment, and how good it is (Och and Ney 2003). Pure functions.

const linkKey = (source, target) => target * 65536 + source;

/** The row of a matrix that belongs to target word j. */
const rowOf = (j, shift) => shift === "consumed" ? j + 1 : j;

/** A threshold from 0 to 1 in the units the weights are stored in. */
const nullUnits = threshold => Math.round(threshold * crossUnit);

/** For each target word its source word: the first strongest one, or -1 where that stays below the threshold. */
function extractLinks(matrix, probe, shift, threshold) {
  return probe.target.map((_, j) => {
    const start = rowOf(j, shift) * matrix.columns;
    let best = -1;
    for (let i = 0; i < probe.source.length; ++i)
      if (best < 0 || matrix.values[start + i] > matrix.values[start + best]) best = i;
    return best >= 0 && matrix.values[start + best] >= nullUnits(threshold) ? best : -1;
  });
}

/** The first strongest cell of row t, whatever its column is. */
function strongestIn({values, columns}, t) {
  let best = 0;
  for (let s = 1; s < columns; ++s) if (values[t * columns + s] > values[t * columns + best]) best = s;
  return best;
}

/**
 * Counts over one sentence; `addCounts` sums them up over several. Gold maps linkKey to "is it sure?". Without gold
 * links a sentence counts for nothing.
 */
function countLinks(links, gold) {
  const count = {predicted: 0, sure: 0, sureHits: 0, possibleHits: 0};
  if (gold.size === 0) return count;
  for (const sure of gold.values()) if (sure) ++count.sure;
  links.forEach((i, j) => {
    if (i < 0) return;
    ++count.predicted;
    if (!gold.has(linkKey(i, j))) return;
    ++count.possibleHits;
    if (gold.get(linkKey(i, j))) ++count.sureHits;
  });
  return count;
}

function addCounts(counts) {
  const sum = {predicted: 0, sure: 0, sureHits: 0, possibleHits: 0};
  for (const count of counts) for (const name of Object.keys(sum)) sum[name] += count[name];
  return sum;
}

/** AER is 0 when nothing is predicted and nothing sure; precision and recall are NaN where they have no links. */
function figuresOf({predicted, sure, sureHits, possibleHits}) {
  return {
    aer: predicted + sure > 0 ? 1 - (sureHits + possibleHits) / (predicted + sure) : 0,
    precision: predicted > 0 ? possibleHits / predicted : NaN,
    recall: sure > 0 ? sureHits / sure : NaN,
  };
}

/** The rows of a matrix that belong to words, and how many columns each of them sees. */
function rowsOfWords(module, probe, shift) {
  if (module.kind === "encoder") return probe.keys.map((_, t) => ({t, sees: probe.keys.length}));
  if (module.kind === "decoder") return probe.queries.map((_, t) => ({t, sees: t + 1}));
  return probe.target.map((_, j) => ({t: rowOf(j, shift), sees: probe.keys.length, word: j}));
}

/** The entropy of a row as a share of that of even attention; NaN where the row is stored too coarsely to tell. */
function entropyOf(values, start, sees, unit) {
  if (sees < 2) return NaN;
  let sum = 0, entropy = 0;
  for (let s = 0; s < sees; ++s) sum += values[start + s];
  if (Math.abs(sum / unit - 1) > 0.1) return NaN;
  for (let s = 0; s < sees; ++s) {
    const part = values[start + s] / sum;
    if (part > 0) entropy -= part * Math.log(part);
  }
  return entropy / Math.log(sees);
}

const meanOf = values => values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : NaN;

/**
 * One head at one step: its entropy; of cross-attention also links, counts and figures of each probe and over all of
 * them, and the shares on gold links and on the end mark.
 */
function scoreHead(recording, frame, module, head, shift, threshold) {
  const {probes} = recording.data, cross = module.kind === "cross";
  const matrices = probes.map((_, p) => frame.matrix(module, head, p, shift));
  const entropies = [], onGold = [], onEnd = [];
  probes.forEach((probe, p) => {
    const {values, columns, unit} = matrices[p], words = probe.source.length;
    for (const {t, sees, word} of rowsOfWords(module, probe, shift)) {
      const entropy = entropyOf(values, t * columns, sees, unit);
      if (!Number.isNaN(entropy)) entropies.push(entropy);
      if (!cross) continue;
      const linked = recording.goldOfWord[p].get(word);
      if (linked) onGold.push(linked.reduce((sum, s) => sum + values[t * columns + s] / unit, 0));
      if (columns > words) onEnd.push(values[t * columns + words] / unit);
    }
  });
  const own = {entropy: meanOf(entropies), onGold: meanOf(onGold), onEnd: meanOf(onEnd)};
  const nothing = {aer: NaN, precision: NaN, recall: NaN};
  if (!cross) return {...own, all: nothing};
  const links = probes.map((probe, p) => extractLinks(matrices[p], probe, shift, threshold));
  const counts = links.map((linked, p) => countLinks(linked, recording.gold[p]));
  const figures = count => recording.hasGold ? figuresOf(count) : nothing;
  return {...own, links, counts, probes: counts.map(figures), all: figures(addCounts(counts))};
}

/** One line for each probe in Pharaoh's format: "source-target", from 0. */
const pharaoh = links =>
  links.map(linked => linked.map((i, j) => i < 0 ? null : `${i}-${j}`).filter(Boolean).join(" ") + "\n").join("");
