// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The five lines, and the fleet: hosts by severity, with those that did not answer among them.

const GOOD = ["collected", "done", "incomplete"];
const QUIET_SHOWN = 12;

function showSummary() {
  const { told } = state;
  const body = $("#summary .body");
  const list = el("dl", { class: "lines" });
  for (const line of told.lines) {
    const alarm = line.about === "What" && told.containers.some((one) => one.suspicious);
    put(list, el("dt", {}, line.about), el("dd", { class: alarm ? "alarm" : null }, word(line.text)));
  }
  put(body, list);
  const first = told.containers.findIndex((one) => one.suspicious);
  if (first >= 0) {
    const finding = told.findings.find((one) => one.c === first && !one.suppressed && one.next);
    const open = el("button", { type: "button", class: "main", onclick: () => openCard(first) }, "Open the worst container");
    put(body, el("div", { class: "next" }, open, finding && el("p", {}, "Next, as the first finding says:"), finding && command(finding.next)));
  }
  showNotices(body);
}

function showNotices(body) {
  const { chain, notices } = state.told;
  for (const problem of chain) put(body, el("p", { class: "notice bad", role: "alert" }, `Custody: ${problem}`));
  for (const notice of notices) put(body, el("p", { class: "notice" }, notice));
}

/** Findings that count, by host: how many of each severity, signs of a break-in apart from exposures. */
function tallies() {
  const found = new Map();
  for (const finding of state.told.findings) {
    if (finding.suppressed) continue;
    const tally = found.get(finding.host) || { intrusion: {}, exposure: {} };
    tally[finding.kind][finding.severity] = (tally[finding.kind][finding.severity] || 0) + 1;
    found.set(finding.host, tally);
  }
  return found;
}

function hostWeight(host, tally) {
  if (!GOOD.includes(host.status)) return 1e9;
  return SEVERITIES.reduce((sum, severity, place) => sum + (tally.intrusion[severity] || 0) * 10 ** (8 - place * 2), 0)
    + SEVERITIES.reduce((sum, severity) => sum + (tally.exposure[severity] || 0), 0) * 1e-3;
}

function showFleet() {
  const { told } = state;
  const body = $("#fleet .body");
  const found = tallies();
  const none = { intrusion: {}, exposure: {} };
  const rows = told.hosts
    .map((host) => ({ host, tally: found.get(host.name) || none }))
    .map((row) => ({ ...row, weight: hostWeight(row.host, row.tally) }))
    .sort((a, b) => b.weight - a.weight || a.host.name.localeCompare(b.host.name));
  put(body, strip(rows));
  const head = ["Host", "State", ...SEVERITIES, "Exposures", "Containers", "Evidence"];
  const table = el("table", { class: "fleet" }, el("caption", { class: "unseen" }, "Signs of a break-in by host and severity"),
    el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col", class: SEVERITIES.includes(name) ? "count" : null }, name)))));
  const lines = el("tbody", {});
  put(table, lines);
  const loud = rows.filter((row) => row.weight > 0);
  const quiet = rows.filter((row) => row.weight === 0);
  put(lines, loud.map(hostRow), quiet.slice(0, QUIET_SHOWN).map(hostRow));
  put(body, el("div", { class: "wide" }, table));
  const rest = quiet.slice(QUIET_SHOWN);
  if (!rest.length) return;
  const more = el("button", { type: "button", class: "more", onclick: () => { put(lines, rest.map(hostRow)); more.remove(); } },
    `Show ${many(rest.length, "more host")} without a finding`);
  put(body, more);
}

/** One square a container, host by host: the whole fleet in one look. */
function strip(rows) {
  const whole = el("div", { class: "strip", role: "img", "aria-label": stripLabel(rows) });
  const byHost = new Map();
  state.told.containers.forEach((one, number) => {
    if (!byHost.has(one.host)) byHost.set(one.host, []);
    byHost.get(one.host).push({ one, number });
  });
  for (const { host } of rows) {
    const lost = !GOOD.includes(host.status);
    const squares = (byHost.get(host.name) || []).map(({ one, number }) =>
      el("span", { class: `square ${one.suspicious ? one.intrusion : one.exposed ? "exposed" : "quiet"}`, title: visible(`${one.name} on ${one.host}`), onclick: () => openCard(number) }));
    put(whole, el("div", { class: lost ? "cell lost" : "cell" }, el("span", { class: "label" }, word(host.name)),
      el("span", { class: "squares" }, squares.length ? squares : lost ? host.status : "no container")));
  }
  return whole;
}

function stripLabel(rows) {
  const lost = rows.filter(({ host }) => !GOOD.includes(host.status)).length;
  const suspects = state.told.containers.filter((one) => one.suspicious).length;
  return `${many(rows.length, "host")}, ${lost} not collected; ${many(suspects, "container")} with signs of a break-in. The table below says the same.`;
}

function hostRow({ host, tally }) {
  const lost = !GOOD.includes(host.status);
  const counts = SEVERITIES.map((severity) => {
    const number = tally.intrusion[severity] || 0;
    const pick = () => filterContainers({ host: host.name, severity });
    return el("td", { class: "count" }, number
      ? el("button", { type: "button", class: `chip ${severity}`, onclick: pick, "aria-label": `${number} ${severity} on ${visible(host.name)}` }, String(number))
      : el("span", { class: "none" }, "·"));
  });
  const exposures = Object.values(tally.exposure).reduce((sum, number) => sum + number, 0);
  const own = state.told.containers.filter((one) => one.host === host.name).length;
  const status = el("span", { class: lost ? "badge lost" : "badge" }, host.status);
  return el("tr", { class: lost ? "lost" : null },
    el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => filterContainers({ host: host.name }) }, word(host.name))),
    el("td", {}, status, host.reason && el("span", { class: "reason" }, word(host.reason))),
    counts,
    el("td", { class: "count" }, exposures ? el("span", { class: "chip exposed" }, String(exposures)) : el("span", { class: "none" }, "·")),
    el("td", { class: "number" }, String(own)),
    el("td", { class: "dim" }, host.block
      ? el("button", { type: "button", class: "link", "aria-expanded": "false", onclick: (event) => toggleHost(event.currentTarget, host) }, "Show")
      : "none"));
}

async function toggleHost(button, host) {
  const row = button.closest("tr");
  const below = row.nextElementSibling;
  if (below && below.classList.contains("hostmore")) {
    below.remove();
    button.setAttribute("aria-expanded", "false");
    return;
  }
  button.setAttribute("aria-expanded", "true");
  const rows = await rowsOf(host.block);
  row.after(el("tr", { class: "hostmore" }, el("td", { colspan: "10" }, hostCard(rows))));
}

function hostCard(rows) {
  const about = rows.find((row) => row.k === "host") || {};
  const facts = el("dl", { class: "facts" });
  const clock = Number.isFinite(about.clock) ? `${about.clock.toFixed(1)} s off the controller's` : null;
  const pairs = [["Name of its own", about.hostname], ["System", about.os], ["Kernel", about.kernel], ["Engine", about.engine && `${about.engine}${about.rootless ? " (rootless)" : ""}, ${about.driver || ""}`],
    ["Clock", clock], ["Up since", about.boot && when(about.boot)], ["Bag", about.bag]];
  for (const [name, value] of pairs) if (value) put(facts, el("dt", {}, name), el("dd", {}, word(value)));
  const events = rows.filter((row) => row.k === "event");
  const bags = rows.filter((row) => row.k === "bag");
  return el("div", { class: "hostcard" }, facts,
    el("h4", {}, "Bags of evidence"), el("ul", { class: "plain" }, bags.map((bag) => el("li", {}, word(bag.name, "mono")))),
    el("h4", {}, "What was asked of the host"), outcomeTable(rows.filter((row) => row.k === "outcome")),
    el("h4", {}, "The engine's last events"), grid("The engine's last events", ["Time", "Event", "Name", "Image"], events.slice().reverse(),
      (row) => [el("td", { class: "time" }, typeof row.time === "number" ? moment(row.time * 1000) : ""), el("td", {}, word(row.what)), el("td", {}, word(row.name || row.id)), el("td", {}, word(row.image || ""))]));
}
