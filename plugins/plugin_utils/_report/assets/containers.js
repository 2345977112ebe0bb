// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The ranked list of containers, its filters, and opening their cards.

const SHOWN_AT_FIRST = 40;
const OPENED_FOR_PAPER = 12;
const filter = { severities: new Set(), host: "", text: "", all: false };

function grade(one) {
  if (one.suspicious) return one.intrusion;
  return one.exposed ? "exposed" : one.severity ? "faint" : "quiet";
}

function showContainers() {
  const { told } = state;
  const body = $("#containers .body");
  const hosts = [...new Set(told.containers.map((one) => one.host))].sort();
  const boxes = SEVERITIES.slice(0, 3).concat(["exposed", "quiet"]).map((name) => {
    const number = told.containers.filter((one) => matches(one, name)).length;
    const box = el("input", { type: "checkbox", value: name, onchange: (event) => {
      if (event.target.checked) filter.severities.add(name);
      else filter.severities.delete(name);
      listContainers();
    } });
    return el("label", { class: "box" }, box, el("span", { class: `chip ${name}` }, name), ` ${number}`);
  });
  const choose = el("select", { id: "host", onchange: (event) => { filter.host = event.target.value; listContainers(); } },
    el("option", { value: "" }, "every host"), hosts.map((name) => option(name)));
  const text = el("input", { id: "names", type: "search", placeholder: "name or image", autocomplete: "off", spellcheck: "false",
    oninput: (event) => { filter.text = event.target.value; listContainers(); } });
  const clear = el("button", { type: "button", id: "clear", onclick: () => filterContainers({}) }, "Clear");
  put(body, el("form", { class: "filters", "aria-label": "Filter containers", onsubmit: (event) => event.preventDefault() },
    el("fieldset", {}, el("legend", { class: "unseen" }, "Severity"), boxes),
    el("label", {}, "on ", choose), el("label", {}, "called ", text), clear,
    el("span", { id: "matching", class: "dim", role: "status" })));
  put(body, el("ol", { id: "list", class: "cards" }), el("button", { type: "button", id: "all", class: "more", onclick: () => { filter.all = true; listContainers(); } }));
  listContainers();
}

function option(name) {
  const made = el("option", {}, name);
  made.value = name;
  return made;
}

function matches(one, name) {
  if (name === "exposed") return one.exposed;
  if (name === "quiet") return !one.suspicious && !one.exposed;
  return one.suspicious && one.intrusion === name;
}

function wanted(one) {
  if (filter.severities.size && ![...filter.severities].some((name) => matches(one, name))) return false;
  if (filter.host && one.host !== filter.host) return false;
  const text = filter.text.trim().toLowerCase();
  return !text || `${one.name} ${one.image} ${one.id} ${one.host}`.toLowerCase().includes(text);
}

/** Show the containers of a host, of a severity, or all. */
function filterContainers({ host = "", severity = "" }) {
  filter.host = host;
  filter.text = "";
  filter.severities = new Set(severity ? [["low", "info"].includes(severity) ? "quiet" : severity] : []);
  $("#host").value = host;
  $("#names").value = "";
  for (const box of document.querySelectorAll(".filters input[type=checkbox]")) box.checked = filter.severities.has(box.value);
  listContainers();
  if (host || severity) $("#containers").scrollIntoView();
}

function listContainers() {
  const list = $("#list");
  const chosen = state.told.containers.map((one, number) => ({ one, number })).filter(({ one }) => wanted(one));
  const shown = filter.all ? chosen : chosen.slice(0, SHOWN_AT_FIRST);
  list.replaceChildren(...shown.map(({ one, number }) => cardOf(one, number).item));
  $("#matching").textContent = `${chosen.length} of ${many(state.told.containers.length, "container")}`;
  const more = $("#all");
  more.hidden = shown.length === chosen.length;
  more.textContent = `Show ${many(chosen.length - shown.length, "more container")}`;
}

/** The list item of a container: a headline that opens its card, made once. */
function cardOf(one, number) {
  if (state.cards[number]) return state.cards[number];
  const body = el("div", { class: "cardbody", id: `card-${number}`, hidden: true });
  const reasons = state.told.findings.filter((finding) => finding.c === number && !finding.suppressed);
  reasons.sort((a, b) => (a.kind === b.kind ? SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) : a.kind === "intrusion" ? -1 : 1));
  const sign = reasons[0];
  const held = state.told.undo.find((entry) => entry.host === one.host && entry.id === one.id);
  const button = el("button", { type: "button", class: "cardhead", "aria-expanded": "false", "aria-controls": `card-${number}`, onclick: () => toggleCard(number) },
    el("span", { class: `chip ${grade(one)}` }, grade(one)),
    el("span", { class: "who" }, el("span", { class: "name" }, word(one.name)), el("span", { class: "dim" }, " on ", word(one.host), one.image ? " · " : "", word(one.image || ""))),
    held && el("span", { class: "badge held" }, "contained"),
    one.state && one.state !== "running" && el("span", { class: "badge" }, one.state),
    el("span", { class: "sentence" }, sign ? word(sign.sentence) : "No finding.", reasons.length > 1 && el("span", { class: "dim" }, ` +${reasons.length - 1} more`)));
  const item = el("li", { class: `card ${grade(one)}` }, el("h3", {}, button), body);
  state.cards[number] = { item, body, button, one, reasons, held, made: null };
  return state.cards[number];
}

async function toggleCard(number, open = null) {
  const card = cardOf(state.told.containers[number], number);
  const wish = open ?? card.body.hidden;
  card.body.hidden = !wish;
  card.button.setAttribute("aria-expanded", String(wish));
  card.item.classList.toggle("open", wish);
  if (wish) await makeCard(number);
}

/** Open a container's card and go there; with a row, to that row of its evidence. */
async function openCard(number, item = null, line = null) {
  const card = cardOf(state.told.containers[number], number);
  if (!card.item.isConnected) {
    if (!wanted(card.one)) filterContainers({});
    filter.all = true;
    listContainers();
  }
  await toggleCard(number, true);
  if (item && line) {
    const row = await reveal(number, item, line);
    if (row) {
      flash(row);
      return;
    }
  }
  card.button.focus({ preventScroll: true });
  card.item.scrollIntoView();
}

/** What paper needs: the cards of suspected containers filled, so that nothing has to be opened first. */
async function fillForPaper() {
  const numbers = state.told.containers.map((one, number) => (one.suspicious ? number : -1)).filter((number) => number >= 0);
  for (const number of numbers.slice(0, OPENED_FOR_PAPER)) await makeCard(number);
}
