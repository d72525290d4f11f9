// Building elements without ever parsing text as HTML: the words of a data set may be anything, tags included.

const byId = id => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node[name] = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  // One by one: a map of a long sentence has more cells than a call may have arguments.
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

/** An HTML element. Functions are set as properties (onclick: ...), children are nodes or text. */
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/** An SVG element, in the same way. */
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/** The options of a <select>: [value, text] pairs. Renewed only when they changed, so that an open list stays open. */
function setOptions(select, options, value) {
  const key = JSON.stringify(options);
  if (select.dataset.key !== key) {
    select.dataset.key = key;
    select.replaceChildren(...options.map(([option, text]) => html("option", {value: option}, text)));
  }
  select.value = String(value);
}

const measuring = document.createElement("canvas").getContext("2d");
const labelFont = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";

function textWidth(text, size) {
  measuring.font = `${size}px ${labelFont}`;
  return measuring.measureText(text).width;
}

/** The text itself, or as much of its beginning as is no wider than `width`, and an ellipsis. */
function clip(text, size, width) {
  if (text && !text.trim()) return "␣";  // a token that is a space
  if (textWidth(text, size) <= width) return text;
  const letters = Array.from(text);
  let kept = Math.min(letters.length, Math.ceil(width / 3));
  while (kept > 1 && textWidth(letters.slice(0, kept).join("") + "…", size) > width) --kept;
  return letters.slice(0, kept).join("") + "…";
}

/** The text in lines no wider than `width`, broken at spaces. */
function wrapped(text, size, width) {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length > 0 ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length > 0 && textWidth(longer, size) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const percent = (value, digits = 1) => Number.isFinite(value) ? `${(100 * value).toFixed(digits)} %` : "–";
const capital = text => text.charAt(0).toUpperCase() + text.slice(1);
