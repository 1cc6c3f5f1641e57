"use strict";
// Shows what the server sends, section by section, and whether it is still sending.
import { accuracy, evolution, samples } from "./answers.js";
import { askBox, recipes } from "./ask.js";
import { draw, places } from "./charts.js";
import { $, el, list, put, show } from "./dom.js";
import { events, machine } from "./machine.js";
import { headline, notices, seen, tiles } from "./overview.js";
import { queue, versions } from "./versions.js";

const KEPT_STEPS = 2000;
const SILENT_MS = 25000;
const steps = new Map();
let validations = [], drawing = false, received = 0, shownAt = null, tone = "waiting";

function points(news) {
  if (news.first) steps.clear();
  for (const row of list(news.rows)) {
    // A step that was done again after a crash takes the place of the first one.
    const key = `${row[4]} ${row[0]}`;
    steps.delete(key);
    steps.set(key, row);
  }
  for (const key of steps.keys()) { if (steps.size <= KEPT_STEPS) break; steps.delete(key); }
  redraw();
}

function redraw() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => requestAnimationFrame(() => { drawing = false; draw(el, [...steps.values()], validations, rightLines(), seen.now); }), 0);
}

// Questions of two files are not to be compared: each has a line of its own.
function rightLines() {
  const lines = list(seen.accuracy.accuracy_by_file).filter((line) => line && Array.isArray(line.points));
  const pairs = (points) => list(points).filter((pair) => Array.isArray(pair)).map((pair) => pair.slice(0, 2));
  if (lines.length) return lines.map((line) => ({ name: String(line.file), points: pairs(line.points) }));
  return [{ name: "right", points: pairs(seen.accuracy.accuracy_history) }];
}

const SECTIONS = {
  notices, samples, evolution, machine, events, points,
  now: (state) => { tone = state.headline.tone; shownAt = state.told_at; headline(state); redraw(); },
  accuracy: (state) => { seen.accuracy = state; accuracy(state); tiles(); redraw(); },
  queue: (state) => { seen.queue = state; queue(state); tiles(); },
  versions: (state) => { seen.versions = state; versions(state); tiles(); },
  validations: (state) => { validations = list(state.validations); redraw(); },
};

function link() {
  const lost = received === 0 ? "connecting …" : `No word from the server since ${new Date(received).toLocaleTimeString()}`;
  const live = received !== 0 && Date.now() - received < SILENT_MS && source.readyState === EventSource.OPEN;
  put("link", live ? "live" : lost);
  $("link").className = `link ${live ? "live" : received ? "gone" : ""}`;
  $("state").className = `card state ${received && !live ? "gone" : tone}`;
  const old = shownAt ? new Date(shownAt) : null;
  const words = received && !live ? `${lost}: what is shown is from then.` : old && !Number.isNaN(old.getTime()) ? `What is shown below was last true at ${old.toLocaleString()}.` : "";
  put("lost", words);
  $("lost").hidden = !words;
}

function receive(event) {
  received = Date.now();
  const news = JSON.parse(event.data);
  for (const [name, section] of Object.entries(news)) if (SECTIONS[name]) SECTIONS[name](section);
  link();
}

// A link to a folded section opens it.
function unfold() {
  const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
}

// A session is open only where the server needs a token.
async function logOut() {
  const button = $("log-out");
  button.addEventListener("click", async () => {
    await fetch("/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
    location.replace("/login");
  });
  button.hidden = !(await (await fetch("/dashboard/session")).json()).open;
}

show($("run-chart"), places(el, true));
show($("charts"), places(el, false));
recipes();
askBox();
logOut();
const source = new EventSource("/dashboard/events");
source.addEventListener("news", receive);
source.addEventListener("beat", receive);
source.addEventListener("open", link);
source.addEventListener("error", link);
setInterval(link, 2000);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
document.querySelector('script[src="/dashboard/plotly.js"]').addEventListener("load", redraw);
document.addEventListener("toggle", redraw, true);
addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => { if (event.target.closest('a[href^="#"]')) setTimeout(unfold, 0); });
unfold();
