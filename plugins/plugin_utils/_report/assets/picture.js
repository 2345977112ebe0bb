// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The timeline as a picture: a lane a kind, a dot for what happened at about the same time; and the list under it.

const LANES = ["finding", "process", "file", "log", "engine", "action"];
const LANE_NAMES = { finding: "Findings", process: "Processes", file: "Files", log: "Log lines", engine: "Engine", action: "Our actions", other: "Other" };
const LANE_HEIGHT = 38;
const LEFT = 96;
const WIDTH = 1120;
const DOT = 9;
const LISTED = 100;
const picture = { events: [], kinds: new Set(), host: "", text: "", range: null, x: null };

async function showTimeline() {
  const body = $("#timeline .body");
  const told = state.told.timeline;
  const events = (await rowsOf(told.block)).map((event) => ({ ...event, lane: LANES.includes(event.kind) ? event.kind : "other" }));
  picture.events = events.sort((a, b) => a.t - b.t);
  if (!events.length) {
    put(body, el("p", { class: "dim" }, "Nothing in this case carries a time yet."));
    return;
  }
  const cut = told.total > told.shown ? ` ${told.shown.toLocaleString("en")} of ${told.total.toLocaleString("en")} events are here: all that matter, and a sample of the rest.` : "";
  put(body, el("p", { class: "dim" }, `All times are UTC, by the clock of the host where it happened.${cut}`), timelineControls(),
    el("div", { id: "picture" }), el("div", { id: "events", role: "region", "aria-label": "Events in the picture" }));
  picture.full = pad(d3.extent(events, (event) => event.t));
  picture.range = focus(events) || picture.full;
  drawTimeline();
}

function pad([from, to]) {
  const room = Math.max((to - from) * 0.04, 2000);
  return [from - room, to + room];
}

/** Where to look first: from the earliest grave finding to the last event; old file times would squash the rest. */
function focus(events) {
  const grave = events.filter((event) => event.lane === "finding" || (event.severity && event.severity !== "info"));
  if (!grave.length) return null;
  const [from, to] = d3.extent(grave, (event) => event.t);
  const room = Math.max((to - from) * 0.25, 6e4);
  return [from - room, to + room];
}

function timelineControls() {
  const kinds = [...new Set(picture.events.map((event) => event.lane))];
  const boxes = LANES.concat("other").filter((kind) => kinds.includes(kind)).map((kind) => {
    const box = el("input", { type: "checkbox", value: kind, onchange: (event) => { if (event.target.checked) picture.kinds.delete(kind); else picture.kinds.add(kind); drawTimeline(); } });
    box.checked = true;
    return el("label", { class: "box" }, box, ` ${LANE_NAMES[kind]}`);
  });
  const hosts = [...new Set(picture.events.map((event) => event.host).filter(Boolean))].sort();
  const choose = el("select", { id: "timehost", onchange: (event) => { picture.host = event.target.value; drawTimeline(); } }, el("option", { value: "" }, "every host"), hosts.map(option));
  const text = el("input", { type: "search", id: "timetext", placeholder: "words", autocomplete: "off", spellcheck: "false", oninput: (event) => { picture.text = event.target.value.trim().toLowerCase(); drawTimeline(); } });
  const button = (name, label, act) => el("button", { type: "button", class: "small", "aria-label": label, title: label, onclick: act }, name);
  return el("form", { class: "filters", "aria-label": "Filter the timeline", onsubmit: (event) => event.preventDefault() },
    el("fieldset", {}, el("legend", { class: "unseen" }, "Kinds"), boxes), el("label", {}, "on ", choose), el("label", {}, "with ", text),
    el("span", { class: "zoom" }, button("−", "Zoom out (−)", () => zoomBy(2)), button("+", "Zoom in (+)", () => zoomBy(0.5)), button("◀", "Earlier", () => shiftBy(-0.4)), button("▶", "Later", () => shiftBy(0.4)),
      button("Fit findings", "Fit findings", () => setRange(focus(picture.events) || picture.full)), button("Fit all", "Fit all (0)", () => setRange(picture.full))));
}

function setRange(range) {
  const [from, to] = range;
  if (to - from < 50) return;
  picture.range = range;
  drawTimeline();
}

function zoomBy(factor, at = (picture.range[0] + picture.range[1]) / 2) {
  const [from, to] = picture.range;
  setRange([at - (at - from) * factor, at + (to - at) * factor]);
}

function shiftBy(part) {
  const [from, to] = picture.range;
  const step = (to - from) * part;
  setRange([from + step, to + step]);
}

function wantedEvents() {
  return picture.events.filter((event) => !picture.kinds.has(event.lane) && (!picture.host || event.host === picture.host)
    && (!picture.text || `${event.message} ${event.what} ${event.host} ${event.name}`.toLowerCase().includes(picture.text)));
}

const worst = (events) => SEVERITIES.find((severity) => events.some((event) => event.severity === severity)) || "none";

function drawTimeline() {
  const [from, to] = picture.range;
  const events = wantedEvents().filter((event) => event.t >= from && event.t <= to);
  const lanes = LANES.concat("other").filter((lane) => picture.events.some((event) => event.lane === lane) && !picture.kinds.has(lane));
  const height = lanes.length * LANE_HEIGHT + 34;
  const x = d3.scaleUtc([from, to], [LEFT, WIDTH - 12]);
  picture.x = x;
  const label = `${many(events.length, "event")} from ${moment(from)} to ${moment(to)}; the list below has them.`;
  const svg = d3.create("svg").attr("viewBox", `0 0 ${WIDTH} ${height}`).attr("class", "timeline").attr("role", "img").attr("aria-label", label).attr("tabindex", 0);
  svg.append("g").attr("class", "ticks").attr("transform", `translate(0,${height - 26})`).call(d3.axisBottom(x).ticks(8).tickSize(-(height - 26)).tickPadding(10));
  const rows = svg.selectAll("g.lane").data(lanes).join("g").attr("class", "lane").attr("transform", (lane, number) => `translate(0,${number * LANE_HEIGHT + LANE_HEIGHT / 2})`);
  rows.append("line").attr("x1", LEFT).attr("x2", WIDTH - 12).attr("class", "axis");
  rows.append("text").attr("x", 4).attr("dy", "0.35em").text((lane) => LANE_NAMES[lane]);
  const dots = rows.selectAll("g.dot").data((lane) => binned(events.filter((event) => event.lane === lane), x)).join("g")
    .attr("class", (dot) => `dot ${dot.severity}`).attr("transform", (dot) => `translate(${dot.x},0)`).on("click", (event, dot) => listEvents(dot.events, true));
  dots.append("circle").attr("r", (dot) => Math.min(15, 5 + 2 * Math.log2(dot.events.length)));
  dots.filter((dot) => dot.events.length > 1).append("text").attr("dy", "0.35em").text((dot) => (dot.events.length > 99 ? "99+" : dot.events.length));
  dots.append("title").text((dot) => visible(`${moment(dot.events[0].t)} ${dot.events[0].message}${dot.events.length > 1 ? ` and ${dot.events.length - 1} more` : ""}`));
  attach(svg);
  $("#picture").replaceChildren(svg.node());
  listEvents(events, false);
}

function binned(events, x) {
  const bins = [];
  for (const event of events) {
    const at = x(event.t);
    const last = bins[bins.length - 1];
    if (last && at - last.x0 < DOT * 2) {
      last.events.push(event);
      last.x = (last.x0 + at) / 2;
    } else bins.push({ x0: at, x: at, events: [event] });
  }
  for (const bin of bins) bin.severity = worst(bin.events);
  return bins;
}

/** Dragging moves, the wheel with Ctrl zooms (without, it scrolls the page), keys do both. */
function attach(svg) {
  const time = (event) => picture.x.invert(d3.pointer(event, svg.node())[0]).getTime();
  svg.on("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomBy(event.deltaY > 0 ? 1.25 : 0.8, time(event));
  });
  svg.on("keydown", (event) => {
    const act = { "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), 0: () => setRange(picture.full), ArrowLeft: () => shiftBy(-0.2), ArrowRight: () => shiftBy(0.2) }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    $("#picture svg").focus();
  });
  let held = null;
  svg.on("pointerdown", (event) => { held = { x: event.clientX, range: picture.range.slice() }; });
  d3.select(window).on("pointermove.timeline", (event) => {
    if (!held || Math.abs(event.clientX - held.x) < 4) return;
    const wide = $("#picture svg").getBoundingClientRect().width * ((WIDTH - LEFT) / WIDTH);
    const shift = ((held.x - event.clientX) / wide) * (held.range[1] - held.range[0]);
    setRange([held.range[0] + shift, held.range[1] + shift]);
  }).on("pointerup.timeline", () => { held = null; });
}

function listEvents(events, chosen) {
  const grave = chosen ? events : events.filter((event) => event.severity || ["finding", "action"].includes(event.lane));
  const rows = grave.length ? grave : events;
  const title = chosen ? `${many(events.length, "event")} of this dot` : `${many(events.length, "event")} in the picture${grave.length && grave.length < events.length ? `, of which these matter` : ""}`;
  const table = grid("Events", ["Time", "", "What", "Where"], rows, (event) => {
    const number = state.told.containers.findIndex((one) => one.host === event.host && one.id === event.id);
    const item = event.path.split("/").slice(3).join("/");
    const go = number >= 0 ? el("button", { type: "button", class: "link", onclick: () => openCard(number, item || null, event.line) }, word(event.name || event.id), " on ", word(event.host)) : word(event.host);
    return [el("td", { class: "time" }, moment(event.t)), el("td", {}, event.severity ? chip(event.severity) : el("span", { class: "dim" }, LANE_NAMES[event.lane])),
      el("td", {}, word(event.message), " ", el("span", { class: "dim" }, word(event.what))), el("td", {}, go)];
  }, undefined, chosen ? LISTED : 12);
  $("#events").replaceChildren(el("h3", {}, title), table);
}
