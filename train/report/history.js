// Every recorded step under the switches of the page, so that tables, curves and headline speak of the same numbers.

const foundMargin = 0.15, foundRun = 3;

/** Index of the first of `foundRun` recordings in a row whose AER is at most floor + 0.15; -1: there are none. */
function foundAt(aers, floor) {
  let run = 0;
  for (let i = 0; i < aers.length; ++i) {
    run = Number.isFinite(aers[i]) && aers[i] <= floor + foundMargin + 1e-9 ? run + 1 : 0;
    if (run === foundRun) return i + 1 - foundRun;
  }
  return -1;
}

/** How often each of `count` sentences is drawn, in each of `times` resamples: the same whenever it is asked for. */
function resamplesOf(count, times = 1000) {
  let bits = 1;  // xorshift, from a fixed seed
  const below = limit => {
    bits ^= bits << 13; bits ^= bits >>> 17; bits ^= bits << 5;
    return (bits >>> 0) % limit;
  };
  return Array.from({length: times}, () => {
    const drawn = new Uint16Array(count);
    for (let i = 0; i < count; ++i) ++drawn[below(count)];
    return drawn;
  });
}

/**
 * The 95 % interval of foundAt(), by resampling the sentences: {low, high}, indices of steps, high being the number of
 * steps where it may as well not have been found. counts[step][probe] are those of countLinks().
 */
function foundInterval(counts, floor) {
  const parts = counts.map(probes => ({
    hits: Float64Array.from(probes, count => count.sureHits + count.possibleHits),
    all: Float64Array.from(probes, count => count.predicted + count.sure)}));
  const aerOf = ({hits, all}, drawn) => {
    let found = 0, total = 0;
    for (let p = 0; p < drawn.length; ++p) { found += drawn[p] * hits[p]; total += drawn[p] * all[p]; }
    return total > 0 ? 1 - found / total : 0;
  };
  const firsts = resamplesOf(counts[0].length).map(drawn => {
    for (let i = 0, run = 0; i < parts.length; ++i) {
      run = aerOf(parts[i], drawn) <= floor + foundMargin + 1e-9 ? run + 1 : 0;
      if (run === foundRun) return i + 1 - foundRun;
    }
    return counts.length;
  }).sort((a, b) => a - b);
  return {low: firsts[Math.floor(0.025 * firsts.length)], high: firsts[Math.ceil(0.975 * firsts.length) - 1]};
}

/** The figures of all heads of one kind at all recorded steps, read at one shift with one threshold. */
class History {
  constructor(recording, kind, shift, threshold) {
    Object.assign(this, {recording, kind, shift, threshold, length: 0});
    this.series = new Map(headsOf(recording, kind).map(({module, head}) =>
      [seriesKey(module.name, head), {module, head, aer: [], entropy: [], counts: [], found: -1, interval: null}]));
  }

  /** Reads the steps that came since the last time, as long as `current()`. */
  async extend(current) {
    const {recording, series} = this;
    if (this.length === recording.length) return;
    for (; this.length < recording.length; ++this.length) {
      const frame = await recording.frame(this.length);
      if (!current()) return;
      for (const one of series.values()) {
        const score = scoreHead(recording, frame, one.module, one.head, this.shift, this.threshold);
        one.aer.push(score.all.aer);
        one.entropy.push(score.entropy);
        one.counts.push(score.counts);
      }
    }
    if (this.kind !== "cross" || !recording.hasGold) return;
    const {floor} = recording.data.baselines;
    for (const one of series.values()) {
      one.found = foundAt(one.aer, floor);
      one.interval = one.found < 0 ? null : foundInterval(one.counts, floor);
    }
  }
}

const histories = new Map();

/** The history of a kind under the switches; shift and threshold are of cross-attention. Null if it came too late. */
async function historyOf(recording, kind, current) {
  const [shift, threshold] = kind === "cross" ? [state.shift, state.null] : ["produced", 0];
  const old = histories.get(kind);
  const fits = old && old.recording === recording && old.shift === shift && old.threshold === threshold;
  if (!fits) histories.set(kind, new History(recording, kind, shift, threshold));
  const history = histories.get(kind);
  await history.extend(current);
  return current() ? history : null;
}
