// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// One container's card: why it is here, and what was seen of it.

const FIGURES = [["cpu", "CPU", (value) => `${value.toFixed(1)} %`], ["memory", "Memory", bytes], ["pids", "Processes", String],
  ["received", "Received", bytes], ["sent", "Sent", bytes], ["read", "Read", bytes], ["written", "Written", bytes]];

function makeCard(number) {
  const card = state.cards[number] || cardOf(state.told.containers[number], number);
  card.made ||= fillCard(card, number);
  return card.made;
}

async function fillCard(card, number) {
  const rows = card.one.block ? await rowsOf(card.one.block) : [];
  const custody = (await rowsOf("custody")).filter((row) => row.host === card.one.host && row.id === card.one.id);
  const marks = marksOf(card);
  const commands = new Set();
  const mark = (row) => marks.get(`${row.i}:${row.n}`) || null;
  const of = (kind) => rows.filter((row) => row.k === kind);
  const sockets = of("socket");
  const part = (name, title, content, wide = true) => el("section", { class: `part p-${name}${wide ? " whole" : ""}` }, el("h4", {}, title, note(rows, name)), content);
  const facts = rows.find((row) => row.k === "facts") || {};
  const escapes = card.reasons.filter((finding) => finding.kind === "exposure");
  put(card.body,
    card.reasons.length > 0 && part("why", "Why it is here", el("ol", { class: "findings" }, card.reasons.map((finding) => findingItem(finding, number, commands)))),
    suppressedOf(number),
    !card.one.block && el("p", { class: "notice" }, "There is no evidence of this container in this case."),
    of("process").length > 0 && part("process", "Processes", processTree(of("process"), sockets, mark)),
    sockets.length > 0 && part("socket", "Connections", socketTable(sockets, mark)),
    of("file").length > 0 && part("file", "Changed files", fileTable(of("file"), mark)),
    (of("log").length > 0 || of("hit").length > 0) && part("log", "Log", logView(of("log"), of("hit"), mark)),
    part("figures", "Resources", resources(of("figures"), card.one), false),
    part("escape", "Ways out", waysOut(escapes, facts), false),
    part("facts", "What it is", factList(facts), false),
    part("done", "What was done, and can be undone", doneWith(custody, card.held), false),
    part("outcome", "What was collected, and what is missing", outcomeTable(of("outcome"))),
    el("p", { class: "dim where" }, "Evidence: ", word(card.one.bag || "none", "mono"), card.one.unreadable ? ` – ${many(card.one.unreadable, "line")} of it could not be read` : ""));
}

/** The severity of each row that a finding points at, by item and line; the gravest counts. */
function marksOf(card) {
  const marks = new Map();
  for (const finding of card.reasons) {
    for (const reference of finding.evidence) {
      if (reference.bag !== card.one.bag || !reference.line) continue;
      const key = `${itemOf(reference)}:${reference.line}`;
      const before = marks.get(key);
      if (!before || SEVERITIES.indexOf(finding.severity) < SEVERITIES.indexOf(before)) marks.set(key, finding.severity);
    }
  }
  return marks;
}

const itemOf = (reference) => reference.path.split("/").slice(3).join("/");

function note(rows, name) {
  const kinds = name === "log" ? ["log", "hit"] : [name];
  const cut = rows.filter((row) => row.k === "count" && kinds.includes(row.of) && row.shown < row.total);
  return cut.length ? el("span", { class: "cut" }, cut.map((row) => ` ${row.shown.toLocaleString("en")} of ${row.total.toLocaleString("en")} rows of ${row.i} are here; the bag has all.`)) : null;
}

/** A finding with links to its evidence; a command that an earlier one has is not said again. */
function findingItem(finding, number, commands) {
  const fresh = finding.next && !commands.has(finding.next);
  commands.add(finding.next);
  const places = finding.evidence.slice(0, 12).map((reference) => {
    const label = `${itemOf(reference)}${reference.line ? ` line ${reference.line}` : ""}`;
    return el("button", { type: "button", class: "link place", onclick: () => openCard(number, itemOf(reference), reference.line) }, word(label, "mono"));
  });
  const more = finding.evidence.length - places.length;
  return el("li", { class: `finding ${finding.severity}` },
    el("div", { class: "claim" }, chip(finding.severity, finding.kind === "exposure" ? " exposure" : ""), word(finding.sentence, "sentence")),
    Object.entries(finding.extra).map(([name, text]) => el("div", { class: "dim" }, `${name}: `, word(text, "mono"))),
    el("div", { class: "dim about" }, finding.kind === "exposure" ? "a way out" : "sign of a break-in", ` · ${finding.confidence} confidence · `, word(finding.rule), " · ", word(finding.technique),
      finding.time ? ` · ${when(finding.time)}` : "", " · ", places, more > 0 ? ` and ${more} more` : ""),
    fresh && command(finding.next));
}

function suppressedOf(number) {
  const found = state.told.findings.filter((finding) => finding.c === number && finding.suppressed);
  if (!found.length) return null;
  return el("details", { class: "suppressed" }, el("summary", {}, `${many(found.length, "finding")} suppressed`),
    el("ul", {}, found.map((finding) => el("li", {}, chip(finding.severity), " ", word(finding.sentence), el("div", { class: "dim" }, "Suppressed: ", word(finding.suppressed))))));
}

function waysOut(escapes, facts) {
  const rights = facts.rights || [];
  const list = el("ul", { class: "plain" }, escapes.map((finding) => el("li", {}, chip(finding.severity), " ", word(finding.sentence))));
  const mounts = (facts.mounts || []).filter((mount) => mount.startsWith("bind "));
  return el("div", {}, escapes.length ? list : el("p", { class: "dim" }, "No rule found a way out of it."),
    rights.length > 0 && el("p", {}, "Beyond the usual: ", rights.map((right) => [word(right, "mono option"), " "]).flat()),
    mounts.length > 0 && el("p", {}, "Of the host: ", mounts.map((mount) => [word(mount.slice(5), "mono option"), " "]).flat()));
}

function factList(facts) {
  const list = el("dl", { class: "facts" });
  const pairs = [["Image", facts.image], ["Image ID", facts.image_id], ["Container ID", facts.id], ["State", facts.state && `${facts.state}${facts.exit_code !== undefined ? ` (${facts.exit_code})` : ""}`],
    ["Created", when(facts.created)], ["Started", when(facts.started)], ["Ended", when(facts.finished)], ["Restarts", facts.restarts && `${facts.restarts}`], ["Restart policy", facts.restart_policy],
    ["Command", (facts.command || []).join(" ")], ["User", facts.user], ["Networks", (facts.networks || []).join(", ")], ["Ports", (facts.ports || []).join(", ")],
    ["Mounts", (facts.mounts || []).join(", ")], ["Environment", (facts.environment || []).join(" ")], ["Log driver", facts.log_driver]];
  for (const [name, value] of pairs) if (value) put(list, el("dt", {}, name), el("dd", {}, word(value)));
  return list.childElementCount ? list : el("p", { class: "dim" }, "Nothing is known of it.");
}

function doneWith(custody, held) {
  const list = el("ul", { class: "plain" }, custody.map((row) => el("li", {}, el("span", { class: "time dim" }, when(row.time)), " ", word(row.action.replaceAll("_", " ")),
    row.reason ? [": ", word(row.reason)] : "", row.verified === false ? el("span", { class: "badge lost" }, "not verified") : "")));
  return el("div", {}, custody.length ? list : el("p", { class: "dim" }, "Nothing was done to it."),
    held && el("div", {}, el("p", {}, "To be taken back:"), el("ul", { class: "plain" }, held.steps.map((step) => el("li", {}, word(step.sentence), step.state === "pending" ? el("span", { class: "badge lost" }, "begun, not verified") : ""))), command(held.command)));
}

function resources(runs, one) {
  const last = runs[runs.length - 1];
  if (!last) return el("p", { class: "dim" }, "No figures: the container did not run, or they could not be read.");
  const tiles = el("dl", { class: "tiles" });
  for (const [key, name, show] of FIGURES) {
    if (last[key] === undefined) continue;
    put(tiles, el("div", {}, el("dt", {}, name), el("dd", {}, show(last[key]))));
  }
  return el("div", {}, tiles, fleetPicture("cpu", "CPU beside all other containers", one, (value) => `${value.toFixed(1)} %`), runs.length > 1 && curve(runs));
}

/** Where this container stands among all: a tick each, its own one long. */
function fleetPicture(key, label, one, show) {
  const others = state.told.containers.map((other) => other[key]).filter(Number.isFinite);
  if (!Number.isFinite(one[key]) || others.length < 3) return null;
  const most = Math.max(...others, 1);
  const above = others.filter((value) => value > one[key]).length;
  const text = `${label}: ${show(one[key])}, rank ${above + 1} of ${others.length}`;
  const x = d3.scaleSqrt([0, most], [4, 556]);
  const picture = d3.create("svg").attr("viewBox", "0 0 560 40").attr("class", "spread").attr("role", "img").attr("aria-label", text);
  picture.append("line").attr("x1", 4).attr("x2", 556).attr("y1", 24).attr("y2", 24).attr("class", "axis");
  picture.append("g").selectAll("line").data([...new Set(others.map((value) => Math.round(x(value))))]).join("line")
    .attr("class", "tick").attr("x1", (value) => value).attr("x2", (value) => value).attr("y1", 18).attr("y2", 30);
  picture.append("line").attr("class", "own").attr("x1", x(one[key])).attr("x2", x(one[key])).attr("y1", 10).attr("y2", 38);
  return el("figure", {}, picture.node(), el("figcaption", { class: "dim" }, text));
}

/** CPU and memory over the runs of this case, one above the other, each from zero. */
function curve(runs) {
  const dated = runs.map((run) => ({ ...run, at: Date.parse(run.time) })).filter((run) => Number.isFinite(run.at));
  if (dated.length < 2) return null;
  const x = d3.scaleUtc(d3.extent(dated, (run) => run.at), [70, 470]);
  const picture = d3.create("svg").attr("viewBox", "0 0 560 132").attr("class", "curve").attr("role", "img").attr("aria-label", `CPU and memory in ${dated.length} runs`);
  FIGURES.slice(0, 2).forEach(([key, name, show], place) => {
    const base = 50 + place * 56;
    const y = d3.scaleLinear([0, d3.max(dated, (run) => run[key] || 0) || 1], [base, base - 40]);
    const last = dated[dated.length - 1];
    picture.append("line").attr("class", "axis").attr("x1", 70).attr("x2", 470).attr("y1", base).attr("y2", base);
    picture.append("path").attr("class", key).attr("d", d3.line((run) => x(run.at), (run) => y(run[key] || 0))(dated));
    picture.append("g").selectAll("circle").data(dated).join("circle").attr("class", key).attr("r", 3).attr("cx", (run) => x(run.at)).attr("cy", (run) => y(run[key] || 0));
    picture.append("text").attr("x", 0).attr("y", base - 2).text(name);
    picture.append("text").attr("x", 478).attr("y", y(last[key] || 0) + 4).text(show(last[key] || 0));
  });
  picture.append("g").attr("class", "ticks").attr("transform", "translate(0,108)").call(d3.axisBottom(x).ticks(4).tickSize(4).tickSizeOuter(0));
  return el("figure", {}, picture.node(), el("figcaption", { class: "dim" }, `Over ${dated.length} runs of this case.`));
}

/** The element of a row of evidence, its table unfolded where need be. */
async function reveal(number, item, line) {
  await makeCard(number);
  const { body } = cardOf(state.told.containers[number], number);
  const find = () => [...body.querySelectorAll("[data-row]")].find((row) => row.dataset.row.split(" ").includes(`${item}:${line}`));
  let found = find();
  for (const more of found ? [] : [...body.querySelectorAll("button.expand")]) {
    more.click();
    found = find();
    if (found) break;
  }
  for (let at = found; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  return found || null;
}
