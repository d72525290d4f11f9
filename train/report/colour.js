// Two ramps that stay apart for every kind of colour blindness: one hue for weights, orange and blue for differences.

const dark = matchMedia("(prefers-color-scheme: dark)");
const ramps = {
  light: ["#f1f4f9", "#c9dbef", "#8fb8e0", "#4a8bc6", "#1c5ea1", "#0b2d61"],
  dark: ["#1d232d", "#24405f", "#2a6194", "#3f8aca", "#86bcec", "#e6f2ff"],
};
const signedRamps = {
  light: ["#8a3c00", "#d97614", "#f2c48d", "#f4f5f7", "#a9cbea", "#3a80c0", "#0b3a75"],
  dark: ["#ffd3a1", "#ee9a45", "#8a531d", "#20252e", "#2a5681", "#5ea4e0", "#d3e8ff"],
};

/** [red, green, blue] at a place from 0 to 1 on a ramp. */
function mix(stops, at) {
  const position = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(position), stops.length - 2);
  return [1, 3, 5].map(start => {
    const [a, b] = [low, low + 1].map(stop => parseInt(stops[stop].slice(start, start + 2), 16));
    return Math.round(a + (b - a) * (position - low));
  });
}

const tables = new Map();
let onPaper = false;  // a figure to save is light, whatever the page is
const isDark = () => dark.matches && !onPaper;

/** 256 steps of a ramp, made once: a map of 40 words has 1,640 cells to colour. */
function table(kind) {
  const name = isDark() ? "dark" : "light", key = kind + name;
  const stops = (kind === "signed" ? signedRamps : ramps)[name];
  if (!tables.has(key)) {
    const channels = Array.from({length: 256}, (_, i) => mix(stops, i / 255));
    tables.set(key, {channels, texts: channels.map(colour => `rgb(${colour.join()})`)});
  }
  return tables.get(key);
}

const weightIndex = weight => Math.round(255 * Math.min(Math.max(weight, 0), 1));
const signedIndex = difference => Math.round(127.5 * (1 + Math.min(Math.max(difference, -1), 1)));
/** [red, green, blue] of a weight, or of a difference. */
const channelsOf = (weight, signed) =>
  signed ? table("signed").channels[signedIndex(weight)] : table("weight").channels[weightIndex(weight)];
const weightColour = weight => table("weight").texts[weightIndex(weight)];
/** Orange where the weight is larger in B (-1), blue where it is larger in A (1). */
const signedColour = difference => table("signed").texts[signedIndex(difference)];
/** What can be read on a cell of this weight. */
const inkOn = weight => weightColour(weight > 0.6 ? 0 : 1);
