// What is shown. It lives in the address behind "#", so that a view can be linked.

const state = {
  step: 0, kind: "cross", layer: 0, head: "mean", shift: "produced", null: 0, probe: 0, sort: "best",
  mode: "steps", a: "", b: "", axis: "linear", contrast: "full",
};

const allowed = {
  kind: ["cross", "encoder", "decoder"], shift: ["produced", "consumed"], sort: ["best", "worst", "order"],
  mode: ["steps", "heads"], axis: ["linear", "log"], contrast: ["full", "stretched"],
};

const parseHead = text => text === "mean" ? "mean" : Number.parseInt(text, 10);

/** Takes over what the address says; the step stands there as the step of training, not as its place in the record. */
function readAddress(recording) {
  const address = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of address) {
    if (name === "step") state.step = nearest(recording.steps, step => Math.abs(step - Number(value)));
    else if (name === "head") state.head = parseHead(value);
    else if (name === "null") state.null = Number(value);
    else if (name === "layer" || name === "probe") state[name] = Number.parseInt(value, 10);
    else if (name === "a" || name === "b" || allowed[name]?.includes(value)) state[name] = value;
  }
  return address;
}

let addressTimer = 0;

/** Writes the address, a little later: browsers allow few changes a second. */
function writeAddress(recording) {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => {
    const address = new URLSearchParams({...state, step: recording.steps[state.step] ?? 0});
    history.replaceState(null, "", `#${address}`);
  }, 250);
}

/** Puts right whatever the recording does not have. */
function settleState(recording) {
  const {modules, probes} = recording.data;
  const inside = (value, count) => Number.isInteger(value) ? Math.min(Math.max(value, 0), count - 1) : 0;
  if (!modules.some(module => module.kind === state.kind)) state.kind = modules[0]?.kind ?? "cross";
  const layers = recording.modulesOf(state.kind);
  const module = layers.find(({layer}) => layer === state.layer) ?? layers[layers.length - 1];
  state.layer = module?.layer ?? 0;
  if (!(state.head === "mean" && module?.heads > 1)) state.head = inside(state.head, module?.heads ?? 1);
  state.step = inside(state.step, Math.max(recording.length, 1));
  state.probe = inside(state.probe, probes.length);
  state.null = Number.isFinite(state.null) ? Math.min(Math.max(Math.round(state.null * 100) / 100, 0), 0.95) : 0;
  return module;
}
