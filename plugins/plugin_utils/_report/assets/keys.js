// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Custody, keys, theme, paper; and the start.

const KEYS = [["/", "search all evidence"], ["j  k", "next, previous container"], ["o", "open or close it"], ["1 … 6", "go to a section"], ["+  −  0", "zoom the timeline (with it in focus: arrows move)"],
  ["t", "light or dark"], ["p", "print, with the suspected containers unfolded"], ["Esc", "close search or this"], ["?", "this"]];

async function showActions() {
  const body = $("#actions .body");
  const { undo, chain } = state.told;
  const rows = await rowsOf("custody");
  put(body, el("p", { class: chain.length ? "notice bad" : "dim" }, chain.length ? "The custody log does not hold; see above." : `The custody log holds: each of ${many(rows.length, "line")} is bound to the one before.`));
  put(body, el("h3", {}, "Can be taken back"));
  if (!undo.length) put(body, el("p", { class: "dim" }, "Nothing is outstanding."));
  put(body, undo.map((entry) => el("div", { class: "undo" }, el("p", {}, word(entry.name || entry.id, "name"), " on ", word(entry.host)),
    el("ul", { class: "plain" }, entry.steps.map((step) => el("li", {}, word(step.sentence), " ", el("span", { class: "dim time" }, when(step.time))))), command(entry.command))));
  put(body, el("h3", {}, "Custody log"), grid("Custody log", ["Time", "Action", "On", "Result", "By"], rows.slice().reverse(), (row) => [
    el("td", { class: "time" }, when(row.time)), el("td", {}, word(row.action.replaceAll("_", " ")), row.verb && el("span", { class: "dim" }, ` ${row.verb}`)),
    el("td", {}, row.name ? [word(row.name), " on "] : "", word(row.host || "")),
    el("td", {}, row.verified === true ? "verified" : row.verified === false ? el("span", { class: "badge lost" }, "not verified") : "", " ", word(row.reason || row.bag || "", "dim")), el("td", { class: "dim" }, word(row.actor))], undefined, 25));
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  tellTheme();
}

function tellTheme() {
  const { theme } = document.documentElement.dataset;
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  $("#theme").textContent = dark ? "Light" : "Dark";
  $("#theme").setAttribute("aria-pressed", String(dark));
}

async function paper() {
  say("Unfolding what paper needs …");
  await fillForPaper();
  say("");
  print();
}

function step(by) {
  const heads = [...document.querySelectorAll("#list .cardhead")];
  if (!heads.length) return;
  const at = heads.indexOf(document.activeElement.closest?.("#list .card")?.querySelector(".cardhead"));
  const next = heads[Math.min(heads.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "start" });
}

function onKey(event) {
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key === "Escape") {
    $("#results").hidden = true;
    if (typing) event.target.blur();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("#keys").open) return;
  const go = document.querySelector(`nav a[data-key="${/^[1-6]$/.test(event.key) ? event.key : "none"}"]`);
  const act = {
    "/": () => $("#query").select(), "?": () => $("#keys").showModal(), j: () => step(1), k: () => step(-1), t: toggleTheme, p: paper,
    o: () => document.activeElement.closest?.("#list .card")?.querySelector(".cardhead").click(),
    "+": () => picture.range && zoomBy(0.5), "-": () => picture.range && zoomBy(2), 0: () => picture.range && setRange(picture.full),
  }[event.key] || (go && (() => { $(go.getAttribute("href")).scrollIntoView(); }));
  if (!act) return;
  event.preventDefault();
  act();
}

function attachKeys() {
  put($("#keys .body"), el("dl", { class: "keys" }, KEYS.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]).flat()));
  document.addEventListener("keydown", onKey);
  $("#theme").addEventListener("click", toggleTheme);
  $("#print").addEventListener("click", paper);
  $("#help").addEventListener("click", () => $("#keys").showModal());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellTheme);
  tellTheme();
}

async function start() {
  attachKeys();
  [state.told] = await rowsOf("overview");
  showSummary();
  showFleet();
  showContainers();
  attachSearch();
  document.documentElement.dataset.usable = String(Math.round(performance.now()));
  near($("#timeline"), showTimeline);
  near($("#graph"), showGraph);
  near($("#actions"), showActions);
  await complete;
  await fillForPaper();
  document.documentElement.dataset.filled = String(Math.round(performance.now()));
}

start();
