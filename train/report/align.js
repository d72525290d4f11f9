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

/** Links and figures of one head at one step: of each probe and over all of them. */
function scoreHead(recording, frame, module, head, shift, threshold) {
  const {probes} = recording.data;
  const links = probes.map((probe, p) => extractLinks(frame.matrix(module, head, p, shift), probe, shift, threshold));
  const counts = links.map((linked, p) => countLinks(linked, recording.gold[p]));
  const figures = count => recording.hasGold ? figuresOf(count) : {aer: NaN, precision: NaN, recall: NaN};
  return {links, probes: counts.map(figures), all: figures(addCounts(counts))};
}

const foundMargin = 0.15;

/** Index of the first recorded step from which on the AER never again rises above floor + 0.15; -1: there is none. */
function foundAt(aers, floor) {
  let index = aers.length;
  while (index > 0 && aers[index - 1] !== null && aers[index - 1] <= floor + foundMargin + 1e-9) --index;
  return index < aers.length ? index : -1;
}

/** One line for each probe in Pharaoh's format: "source-target", from 0. */
const pharaoh = links =>
  links.map(linked => linked.map((i, j) => i < 0 ? null : `${i}-${j}`).filter(Boolean).join(" ") + "\n").join("");
