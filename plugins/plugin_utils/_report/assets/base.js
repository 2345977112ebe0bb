// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What everything else stands on: making elements, showing text, reading blocks, jumping about.
// Text goes into the document through visible() and textContent alone: nothing here or elsewhere parses markup.

const SEVERITIES = ["critical", "high", "medium", "low", "info"];
const CACHED_BLOCKS = 60;
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Mn}\p{Me}]|(?! )\p{Zs}/gu;

const $ = (selector, within = document) => within.querySelector(selector);

/** Text in which nothing moves, hides or reorders: such characters are written as \xNN or \uNNNN. */
function visible(value) {
  return String(value).replace(HIDDEN, (char) => {
    const code = char.codePointAt(0);
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
}

/** An element: attributes by name, listeners as onclick and so on; children are elements, or text. */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  return put(made, ...children);
}

/** Append elements and text to an element. */
function put(parent, ...children) {
  for (const child of children.flat(5)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return parent;
}

/** Text of a host's in a run of its own, so that its direction does not reach what stands beside it. */
const word = (text, kind = "word") => el("bdi", { class: kind }, text);

/** A severity as people see it: colour, and always the word. */
function chip(severity, more = "") {
  return el("span", { class: `chip ${severity}${more}` }, severity);
}

const many = (number, noun) => (number === 1 ? `1 ${noun}` : `${number.toLocaleString("en")} ${noun}s`);

function bytes(number) {
  if (!Number.isFinite(number)) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = number;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit ? size.toFixed(size < 10 ? 1 : 0) : size} ${units[unit]}`;
}

/** RFC 3339 as people read it: seconds, and a blank for the T. All times are UTC. */
function when(time) {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(time || "");
  return found ? `${found[1]} ${found[2]}` : String(time || "");
}

function moment(milliseconds) {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? "" : when(date.toISOString());
}

/** Whether the document is read to its end: blocks come after the code. */
const complete = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", resolve, { once: true });
});

const blocks = new Map();

async function unpack(name) {
  let holder = document.getElementById(`data-${name}`);
  if (!holder || !holder.nextSibling) {
    await complete;
    holder = document.getElementById(`data-${name}`);
  }
  if (!holder) return [];
  const coded = atob(holder.textContent);
  const packed = new Uint8Array(coded.length);
  for (let place = 0; place < coded.length; place += 1) packed[place] = coded.charCodeAt(place);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const text = await new Response(stream).text();
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** The rows of a block, unpacked when first asked for; the least used are given back. */
function rowsOf(name) {
  let rows = blocks.get(name);
  blocks.delete(name);
  if (!rows) rows = unpack(name);
  blocks.set(name, rows);
  if (blocks.size > CACHED_BLOCKS) blocks.delete(blocks.keys().next().value);
  return rows;
}

const state = { told: null, cards: [], ready: false };

function say(text) {
  $("#status").textContent = visible(text);
}

/** A button that copies a command, beside the command. */
function command(text) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      say("Selected: press Ctrl+C.");
    }
  };
  const code = el("code", {}, text);
  return el("div", { class: "command" }, code, el("button", { type: "button", onclick: copy, class: "small" }, "Copy"));
}

/** Run when the element comes near the screen, once. */
function near(element, act) {
  const watch = new IntersectionObserver(
    (seen) => {
      if (!seen.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      act();
    },
    { rootMargin: "600px" },
  );
  watch.observe(element);
}

function flash(element) {
  element.scrollIntoView({ block: "center" });
  element.classList.remove("flash");
  void element.offsetWidth;
  element.classList.add("flash");
}
