"use strict";
// Shows what the server tells, section by section. All text from outside becomes text nodes.
import { draw, places } from "./charts.js";

const KEPT_STEPS = 2000;
const SILENT_MS = 25000;
const $ = (id) => document.getElementById(id);
const steps = new Map();
let validations = [], accuracy = [], drawing = false, heard = 0, told = null, tone = "waiting";

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== "") made.setAttribute(name, value);
    else if (name === "hidden") made.hidden = true;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Puts new content in place without closing what the reader has opened, or taking the focus away.
function show(place, ...children) {
  const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  const focus = place.contains(document.activeElement) ? document.activeElement.closest("[data-key]") : null;
  place.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  for (const one of place.querySelectorAll("details")) if (open.has(one.dataset.key)) one.open = true;
  if (focus) {
    const again = [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focus.dataset.key);
    if (again) (again.querySelector("summary") || again).focus();
  }
}

function put(id, text) {
  const place = $(id);
  if (place.textContent !== text) place.textContent = text;
}

// Foreign numbers and lists may be anything; these take what is fit to be shown.
const list = (value) => (Array.isArray(value) ? value : []);
const number = (value, digits = 0) =>
  typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: digits }) : null;
const fixed = (value, digits) => (typeof value === "number" ? value.toFixed(digits) : null);
const percent = (value) => (typeof value === "number" ? `${value.toFixed(0)} %` : null);

function bytes(value) {
  if (typeof value !== "number") return null;
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1000; at += 1; }
  return `${value.toFixed(at < 2 || value >= 100 ? 0 : 1)} ${units[at]}`;
}

function duration(seconds) {
  if (typeof seconds !== "number") return null;
  const s = Math.round(seconds), hours = Math.floor(s / 3600), minutes = Math.floor((s % 3600) / 60);
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${s % 60} s` : `${s} s`;
}

function time(value) {
  const when = new Date(value);
  if (typeof value !== "string" || Number.isNaN(when.getTime())) return null;
  const today = when.toDateString() === new Date().toDateString();
  const words = today ? when.toLocaleTimeString() : when.toLocaleString();
  return el("time", { datetime: value }, words);
}

function now(state) {
  const words = state.headline;
  put("root", state.root);
  put("title", words.title);
  put("sentence", words.sentence);
  const detail = words.detail === words.sentence ? "" : words.detail;
  put("detail", detail);
  $("detail").hidden = !detail;
  tone = words.tone;
  document.title = `${words.title} – finetuned`;
  told = state.told_at;
  progress(state);
  facts(state);
}

function progress(state) {
  const order = state.order;
  const [done, all] = order ? [order.step, order.total_steps] : [state.batch_step, state.batch_total_steps];
  const known = typeof done === "number" && typeof all === "number" && all > 0 && state.told_at === null;
  $("progress").hidden = !known;
  if (!known) return;
  const share = Math.min(100, (100 * done) / all);
  const left = duration(state.eta_seconds);
  const file = state.current_file ? `${state.current_file}: ` : "";
  put("progress-text", `${file}step ${number(done)} of ${number(all)}, ${share.toFixed(0)} %${left && !order && state.status === "training" ? `, about ${left} left` : ""}`);
  $("bar").value = share;
}

function facts(state) {
  const files = list(state.current_files);
  const more = files.length > 1 ? `and ${files.length - 1} more in this run` : null;
  const waiting = state.batch_queue_size;
  const whose = lossOf(state.loss_of);
  const learns = state.status === "training" && state.told_at === null;
  const rows = [
    ["Current file", state.current_file, more],
    ["Order", state.order ? state.order.order : null, state.order ? state.order.doing : null],
    ["Files waiting", number(waiting), null],
    ["Version in use", state.version, state.model_name],
    ["Steps so far", number(state.current_step), typeof state.epoch === "number" ? `epoch ${state.epoch}` : null],
    ["Loss", fixed(state.loss, 4), whose ?? "lower is better"],
    ["Validation loss", fixed(state.validation_loss, 4), `held-out rows${typeof state.validation_step === "number" ? ` at step ${number(state.validation_step)}` : ""}${whose ? `; ${whose}` : ""}`],
    ["Learning rate", learns && typeof state.learning_rate === "number" ? state.learning_rate.toExponential(2) : null, null],
    ["Throughput", learns && typeof state.tokens_per_sec === "number" ? `${number(state.tokens_per_sec)} tokens/s` : null, null],
  ];
  show($("facts"), rows.filter((row) => row[1] !== null && row[1] !== undefined && row[1] !== "" && row[1] !== false).map(([name, value, small]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, String(value), small ? el("small", {}, String(small)) : null))));
}

function lossOf(measured) {
  if (!measured) return null;
  const files = list(measured.files);
  const names = files.length > 1 ? `${files[0]} and ${files.length - 1} more` : files[0];
  const refused = measured.verdict === "refuse" ? ", refused, in use by hand" : "";
  const told = measured.version ? `version in use, ${measured.version}${refused}` : `run ${measured.run}`;
  return names ? `${told}: ${names}` : told;
}

function notices(state) {
  const cards = [];
  if (state.error_message) cards.push(notice("bad", state.error_type || "error", state.error_message));
  for (const one of list(state.active_alerts)) cards.push(notice("", one.code, one.message, one.since));
  for (const one of list(state.leftovers)) cards.push(notice("", `inbox: ${one.name}`, one.reason));
  const refused = list(state.commands).filter((one) => one.answer !== "done").slice(-3);
  for (const one of refused) cards.push(notice("", `${one.command}: ${one.answer}`, one.message, one.time));
  $("notices-section").hidden = !cards.length;
  show($("notices"), cards);
}

function notice(tone, title, message, since) {
  const when = time(since);
  return el("div", { class: `card notice ${tone}` }, el("h3", {}, String(title)), el("p", {}, String(message)),
    when ? el("p", { class: "soft" }, "since ", when) : null);
}

function right(state) {
  accuracy = rightLines(state);
  redraw();
  const newest = state.newest_measurement;
  if (typeof state.accuracy_percent !== "number" && !(newest && typeof newest.percent === "number")) return show($("accuracy"), el("p", { class: "empty" }, "No answer has been scored yet."));
  const parts = [
    newestPart(newest),
    [percent(state.accuracy_last_20), "right of the last 20"],
    [percent(state.accuracy_last_50), "of the last 50"],
    [typeof state.total_evals === "number" ? `${number(state.total_correct)} of ${number(state.total_evals)}` : null, "in all"],
    [percent(state.best_accuracy), `best, at step ${number(state.best_step)}`],
    [state.accuracy_trend, "trend in this run"],
    [list(state.accuracy_files).length > 1 ? `${list(state.accuracy_files).length} files` : null, "asked lately"],
  ];
  show($("accuracy"), el("ul", { class: "chips" }, ...parts.filter((part) => part[0]).map(([value, name]) => el("li", {}, el("b", {}, value), ` ${name}`))));
}

// Questions of two files are not to be compared: each has a line of its own.
function rightLines(state) {
  const lines = list(state.accuracy_by_file).filter((line) => line && Array.isArray(line.points));
  const pairs = (points) => list(points).filter((pair) => Array.isArray(pair)).map((pair) => pair.slice(0, 2));
  if (lines.length) return lines.map((line) => ({ name: String(line.file), points: pairs(line.points) }));
  return [{ name: "right", points: pairs(state.accuracy_history) }];
}

function newestPart(newest) {
  if (!newest || typeof newest.percent !== "number") return ["Not measured", "yet in this run"];
  const counted = typeof newest.items === "number" ? ` (${number(newest.right)} of ${number(newest.items)})` : "";
  const judged = newest.source === "judgement" ? ", when it was judged" : "";
  return [percent(newest.percent), `right at step ${number(newest.step)}${counted}${judged}`];
}

function samples(state) {
  const cards = list(state.samples).map((one) =>
    el("article", { class: "card" },
      el("h3", {}, el("span", { class: one.matches ? "good" : "bad" }, one.matches ? "✓ right" : "✗ not equal"),
        el("span", { class: "soft" }, ` step ${number(one.step) ?? "?"}, ${one.file}`)),
      el("p", { class: "label" }, "Asked"), text(one.prompt),
      el("p", { class: "label" }, "Right answer"), text(one.golden_answer),
      el("p", { class: "label" }, "The model’s answer"), text(one.model_answer),
      one.matches ? null : el("p", { class: "label" }, "Differences"),
      one.matches ? null : changes(one.changes)));
  show($("samples"), cards.length ? cards : [el("p", { class: "empty" }, "No sample has been asked yet.")]);
}

function text(words) {
  return el("p", { class: "text" }, words || "(empty)");
}

function changes(pairs) {
  const tags = { gone: "del", new: "ins", same: "span" };
  const parts = list(pairs).filter(([, words]) => words).map(([kind, words]) => el(tags[kind] || "span", {}, words));
  return el("p", { class: "text" }, ...parts);
}

function evolution(state) {
  if (state.problem) return show($("evolution"), el("p", { class: "bad" }, state.problem));
  const probes = list(state.probes);
  if (!probes.length) return show($("evolution"), el("p", { class: "empty" }, "No probe has been answered yet: put your own prompts into evals/probes.jsonl."));
  const damaged = state.damaged ? ` ${state.damaged} damaged lines are left out.` : "";
  const hidden = state.count > probes.length ? ` ${probes.length} of ${state.count} probes are shown.` : "";
  show($("evolution"), el("p", { class: "soft" }, `The same prompts at milestones of ${state.of}.${hidden}${damaged}`),
    el("div", { class: "grid" }, ...probes.map(probe)));
}

function probe(one) {
  const answers = list(one.answers);
  const last = answers[answers.length - 1];
  return el("article", { class: "card" },
    el("h3", {}, one.prompt),
    one.golden ? el("p", {}, el("span", { class: "soft" }, "wanted: "), one.golden) : null,
    el("ol", { class: "why", "aria-label": "answers by step" }, ...answers.map((answer) =>
      el("li", {}, el("span", { class: "soft" }, `step ${number(answer.step)}${typeof answer.similarity === "number" ? `, ${Math.round(100 * answer.similarity)} % alike` : ""}: `), answer === last ? el("b", {}, answer.answer) : answer.answer))),
    one.left_out ? el("p", { class: "soft" }, `${one.left_out} milestones in between are left out`) : null);
}

const STATES = {
  running: "in training", high: "waiting, high priority", normal: "waiting", low: "waiting, low priority",
  incoming: "being read", failed: "failed", skipped: "skipped", done: "done",
};

function queue(state) {
  if (state.problem) return show($("queue"), el("p", { class: "bad" }, state.problem));
  const states = list(state.states);
  const some = states.filter((one) => one.count);
  if (!some.length) return show($("queue"), el("p", { class: "empty" }, "No file has been dropped yet: put a .jsonl file into inbox/."));
  show($("queue"), el("ul", { class: "chips" }, ...some.map((one) => el("li", {}, el("b", {}, number(one.count)), ` ${STATES[one.state] || one.state}`))),
    some.map(group));
}

function group(one) {
  const jobs = list(one.jobs);
  const body = el("ul", { class: "plain" }, ...jobs.map((job) => entry(one.state, job)));
  const title = `${STATES[one.state] || one.state}: ${number(one.count)}${one.count > jobs.length ? `, ${jobs.length} shown` : ""}`;
  if (one.state === "done" || one.state === "skipped") {
    return el("details", { class: "card group", "data-key": `queue-${one.state}` }, el("summary", {}, title), body);
  }
  return el("div", { class: `card group ${one.state === "failed" ? "notice bad" : ""}` }, el("h3", {}, title), body);
}

function entry(state, job) {
  const rows = typeof job.train_rows === "number" && job.train_rows ? `${number(job.train_rows)} rows to learn, ${number(job.holdout_rows)} held out` : bytes(job.size_bytes);
  const into = job.outcome === "not_promoted" ? `${job.version} is not used` : job.version ? `became ${job.version}` : job.outcome && job.outcome !== "trained" ? String(job.outcome).replaceAll("_", " ") : null;
  const facts = [rows, into].filter(Boolean).join(", ");
  const reasons = list(job.reasons);
  return el("li", {}, el("b", {}, job.name), el("span", { class: "soft" }, facts ? `  ${facts}  ` : "  "), time(job.ended_at || job.claimed_at),
    job.reason ? el("div", { class: state === "failed" ? "bad" : "soft" }, job.reason) : null,
    reasons.length ? el("ul", { class: "why" }, ...reasons.map((reason) => el("li", {}, reason))) : null);
}

const VERDICTS = {
  base: ["", "the untouched base"], promote: ["good", "proven better"],
  unproven: ["unsure", "no proof either way"], refuse: ["bad", "proven worse"],
};

function versions(state) {
  if (state.problem) return show($("versions"), el("p", { class: "bad" }, state.problem));
  const rows = list(state.versions);
  if (!rows.length) return show($("versions"), el("p", { class: "empty" }, "There is no version yet: the first one is the base model itself."));
  const names = ["Version", "Verdict", "Came from", "Right", "Held-out loss", "Files", "Made"];
  show($("versions"),
    ...list(state.problems).map((problem) => el("p", { class: "bad" }, problem)),
    state.count > rows.length ? el("p", { class: "soft" }, `${rows.length} of ${state.count} versions are shown.`) : null,
    el("div", { class: "card" }, el("table", { class: "stack" },
      el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...rows.map((row) => version(row, names))))));
}

function version(row, names) {
  const [tone, verdict] = VERDICTS[row.verdict] || ["", row.verdict];
  const reasons = list(row.reasons);
  const loss = row.loss && row.loss.own_holdout;
  const place = row.current ? " in use" : row.in_line ? " in its line" : "";
  const cells = [
    el("div", {}, el("span", { class: tone }, verdict), row.verdict === "base" ? null : row.promotes ? ", taken into use" : ", not taken into use", reasons.length ? el("details", { "data-key": `why-${row.version}` },
      el("summary", {}, "why", el("span", { class: "unseen" }, ` ${row.version} was judged so`)), el("ul", { class: "why" }, ...reasons.map((reason) => el("li", {}, reason)))) : null),
    row.parent || "–",
    row.exact ? `${row.exact.before ?? "–"} → ${row.exact.after ?? "–"} of ${row.exact.items}` : "–",
    loss ? `${fixed(loss.before, 3) ?? "–"} → ${fixed(loss.after, 3) ?? "–"}` : "–",
    list(row.jobs).join(", ") || "–",
    time(row.created_at) || "–",
  ];
  return el("tr", { class: row.current ? "current" : "" },
    el("th", { scope: "row" }, row.version, el("span", { class: row.current ? "good" : "soft" }, place)),
    ...cells.map((cell, at) => el("td", { "data-name": names[at + 1] }, cell)));
}

function machine(state) {
  const memory = state.memory || {}, disk = state.disk || {}, gpu = state.gpu || {};
  const used = (all, free) => (typeof all === "number" && typeof free === "number" ? all - free : null);
  const parts = [
    gauge("Memory of the machine", used(memory.system_bytes, memory.available_bytes), memory.system_bytes),
    gauge("Disk", used(disk.total_bytes, disk.free_bytes), disk.total_bytes),
    busy(gpu),
  ];
  const facts = [
    ["Supervisor", bytes(memory.supervisor_bytes)], ["Trainer", bytes(memory.trainer_bytes)], ["Intake", bytes(memory.intake_bytes)],
    ["Model memory", bytes(memory.mlx_active_bytes)], ["Model memory, peak", bytes(memory.mlx_peak_bytes)], ["Model memory, cache", bytes(memory.mlx_cache_bytes)],
    ["GPU", gpu.name], ["GPU memory", bytes(gpu.memory_bytes)],
    ["GPU power", typeof gpu.power_watts === "number" ? `${Math.round(gpu.power_watts)} W` : null],
    ["Watches the inbox by", state.watcher],
  ];
  show($("machine"), el("div", { class: "meters" }, ...parts),
    el("dl", { class: "facts" }, ...facts.filter((fact) => fact[1]).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
}

function busy(gpu) {
  if (typeof gpu.utilisation !== "number") return el("p", { class: "soft" }, `GPU: ${gpu.reason || "not known"}`);
  const label = `GPU: busy ${Math.round(100 * gpu.utilisation)} % of the time`;
  return el("div", {}, el("p", { class: "label" }, label), el("meter", { min: "0", max: "1", value: String(gpu.utilisation), "aria-label": label }));
}

function gauge(name, used, all) {
  if (used === null || !all) return el("p", { class: "soft" }, `${name}: not known`);
  const label = `${name}: ${bytes(used)} of ${bytes(all)} used, ${bytes(all - used)} free`;
  return el("div", {}, el("p", { class: "label" }, label), el("meter", { min: "0", max: "1", low: "0.8", high: "0.93", optimum: "0", value: String(used / all), "aria-label": label }));
}

function events(state) {
  const rows = list(state.events).slice().reverse();
  show($("events"), rows.length ? el("ul", { class: "plain" }, ...rows.map((one) =>
    el("li", {}, time(one.time), " ", el("code", {}, String(one.event)), " ", String(one.message)))) : el("p", { class: "empty" }, "Nothing has happened yet."));
}

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
  setTimeout(() => requestAnimationFrame(() => { drawing = false; draw(el, [...steps.values()], validations, accuracy); }), 0);
}

const SECTIONS = {
  now, notices, accuracy: right, samples, evolution, queue, versions, machine, events, points,
  validations: (state) => { validations = list(state.validations); redraw(); },
};

function link() {
  const lost = heard === 0 ? "connecting …" : `No word from the server since ${new Date(heard).toLocaleTimeString()}`;
  const live = heard !== 0 && Date.now() - heard < SILENT_MS && source.readyState === EventSource.OPEN;
  put("link", live ? "live" : lost);
  $("link").className = `link ${live ? "live" : heard ? "gone" : ""}`;
  $("state").className = `card state ${heard && !live ? "gone" : tone}`;
  const old = told ? new Date(told) : null;
  const words = heard && !live ? `${lost}: what is shown is from then.` : old && !Number.isNaN(old.getTime()) ? `What is shown below was last true at ${old.toLocaleString()}.` : "";
  put("lost", words);
  $("lost").hidden = !words;
}

function hear(event) {
  heard = Date.now();
  const news = JSON.parse(event.data);
  for (const [name, section] of Object.entries(news)) if (SECTIONS[name]) SECTIONS[name](section);
  link();
}

show($("charts"), places(el));
const source = new EventSource("/dashboard/events");
source.addEventListener("news", hear);
source.addEventListener("beat", hear);
source.addEventListener("open", link);
source.addEventListener("error", link);
setInterval(link, 2000);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
document.querySelector('script[src="/dashboard/plotly.js"]').addEventListener("load", redraw);
$("charts").addEventListener("toggle", redraw, true);
