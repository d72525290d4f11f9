// What the program recorded: see "How these numbers are made" on the page for the meaning of each figure.

const crossUnit = 50000;  // weights of cross-attention are stored as floor(weight * 50000)
const selfUnit = 255;     // weights of self-attention as round(weight * 255)

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Rows and columns of a module's matrices for one probe. Row t reads query t and predicts the next. Where a word's row
 * is the mean of its pieces' (`twice`), cross-attention has the rows that produce words and, below, those that consume.
 */
function shapeOf(module, probe) {
  const keys = probe.keys.length, queries = probe.queries.length, rows = probe.twice ? 2 * queries : queries;
  return {encoder: [keys, keys], decoder: [queries, queries], cross: [rows, keys]}[module.kind];
}

/** Planes of a module: its heads, and for cross-attention of several heads their mean. */
const planesOf = module => module.heads + (module.kind === "cross" && module.heads > 1 ? 1 : 0);

/** All attention of one recorded step. */
class Frame {
  constructor(bytes, modules, probes) {
    this.modules = new Map();
    let offset = 0;
    for (const module of modules) {
      const starts = [];
      let count = 0;
      for (const probe of probes) {
        const [rows, columns] = shapeOf(module, probe);
        starts.push(count);
        count += planesOf(module) * rows * columns;
      }
      const wide = module.kind === "cross";
      const values = wide ? joinPlanes(bytes, offset, count) : bytes.subarray(offset, offset + count);
      offset += wide ? 2 * count : count;
      this.modules.set(module.name, {values, starts});
    }
    this.probes = probes;
  }

  /** The weights of one head ("mean" or its number) over one probe, row-major, in parts of `unit`. */
  matrix(module, head, probe, shift = state.shift) {
    const {values, starts} = this.modules.get(module.name);
    const [height, columns] = shapeOf(module, this.probes[probe]);
    const twice = module.kind === "cross" && this.probes[probe].twice, rows = twice ? height / 2 : height;
    const first = at => starts[probe] + (at * height + (twice && shift === "consumed" ? rows : 0)) * columns;
    const plane = at => values.subarray(first(at), first(at) + rows * columns);
    const unit = module.kind === "cross" ? crossUnit : selfUnit;
    if (head !== "mean") return {rows, columns, unit, values: plane(head)};
    if (module.kind === "cross") return {rows, columns, unit, values: plane(module.heads > 1 ? module.heads : 0)};
    const sum = new Float32Array(rows * columns);
    for (let at = 0; at < module.heads; ++at) plane(at).forEach((value, i) => { sum[i] += value / module.heads; });
    return {rows, columns, unit, values: sum};
  }
}

/** Low bytes first, then high bytes: they compress better apart. */
function joinPlanes(bytes, offset, count) {
  const values = new Uint16Array(count);
  for (let i = 0; i < count; ++i) values[i] = bytes[offset + i] | bytes[offset + count + i] << 8;
  return values;
}

/** The record of a run: the JSON of the program, and the attention of its steps, inflated when asked for. */
class Recording {
  constructor(data) {
    this.frames = new Map();
    this.take(data);
  }

  take(data) {
    this.data = data;
    this.length = Math.min(data.steps.length, data.streams.length);
    this.steps = data.steps.slice(0, this.length);
    this.hasGold = data.probes.some(probe => probe.gold.length > 0);
    this.gold = data.probes.map(probe => new Map(probe.gold.map(([i, j, sure]) => [linkKey(i, j), Boolean(sure)])));
    this.goldOfWord = data.probes.map(probe => {
      const words = new Map();
      for (const [i, j] of probe.gold) words.set(j, [...(words.get(j) ?? []), i]);
      return words;
    });
  }

  /** A later answer of a live run: everything anew, but the streams of the steps that were not here yet. */
  append(data) {
    this.take({...data, streams: this.data.streams.slice(0, this.length).concat(data.streams)});
  }

  frame(index) {
    if (!this.frames.has(index)) {
      if (this.frames.size > 64) this.frames.delete(this.frames.keys().next().value);
      const {streams, modules, probes} = this.data;
      this.frames.set(index, inflate(streams[index]).then(bytes => new Frame(bytes, modules, probes)));
    }
    return this.frames.get(index);
  }

  modulesOf(kind) {
    return this.data.modules.filter(module => module.kind === kind).sort((a, b) => a.layer - b.layer);
  }
}

const seriesKey = (moduleName, head) => `${moduleName}/${head}`;

/** What the server says is wrong: a file that is broken, for instance. */
class ServerError extends Error {}

/** What the server of a run in training knows, with the attention of the recorded steps from the given one on. */
async function fetchFrom(step) {
  const answer = await fetch(`data?from=${step}`, {cache: "no-store"});
  if (!answer.ok) throw new ServerError(await answer.text() || `status ${answer.status}`);
  return answer.json();
}
