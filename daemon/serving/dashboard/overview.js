"use strict";
// The first screen: the state, this run's progress, and the four questions that everybody has.
import { $, bytes, chips, copyable, duration, el, empty, fixed, isNumber, list, number, percent, put, report, show, time } from "./dom.js";
import { VERDICTS } from "./versions.js";

export const seen = { now: {}, accuracy: {}, versions: {}, queue: {} };

export function headline(state) {
  seen.now = state;
  const words = state.headline;
  put("root", state.root);
  put("title", words.title);
  put("sentence", words.sentence);
  const detail = words.detail === words.sentence ? "" : words.detail;
  put("detail", detail);
  $("detail").hidden = !detail;
  document.title = `${words.title} – finetuned`;
  progress(state);
  numbers(state);
  tiles();
}

function progress(state) {
  const order = state.order;
  const [done, all] = order ? [order.step, order.total_steps] : [state.batch_step, state.batch_total_steps];
  const busy = order || ["training", "judging", "paused", "stopping"].includes(state.status);
  const known = busy && isNumber(done) && isNumber(all) && all > 0 && state.told_at === null;
  $("progress").hidden = !known;
  if (!known) return;
  const share = Math.min(100, (100 * done) / all);
  const left = duration(state.eta_seconds);
  const file = order ? `${order.doing || order.order}: ` : state.current_file ? `${state.current_file}: ` : "";
  const others = list(state.current_files).length - 1;
  const more = !order && others > 0 ? ` (with ${number(others)} more)` : "";
  put("progress-text", `${file}step ${number(done)} of ${number(all)}${more}, ${share.toFixed(0)} %${left && !order && state.status === "training" ? `, about ${left} left` : ""}`);
  $("bar").value = share;
}

// The figures of the run in training, for those who want them all.
function numbers(state) {
  const measured = state.loss_of;
  const learns = state.status === "training" && state.told_at === null;
  const rows = [
    ["Order", state.order ? state.order.order : null, state.order ? state.order.doing : null],
    ["Steps of this lineage", number(state.current_step), isNumber(state.epoch) ? `epoch ${state.epoch} of this run` : null],
    ["Training loss", fixed(state.loss, 4), lossOf(measured) ?? "lower is better"],
    ["Validation loss", fixed(state.validation_loss, 4), `held-out rows${isNumber(state.validation_step) ? ` at step ${number(state.validation_step)}` : ""}`],
    ["Learning rate", learns && isNumber(state.learning_rate) ? state.learning_rate.toExponential(2) : null, null],
    ["Speed", learns && isNumber(state.tokens_per_sec) ? `${number(state.tokens_per_sec)} tokens/s` : null, null],
    ["Base model", state.model_name, null],
  ];
  show($("facts"), rows.filter((row) => row[1] !== null && row[1] !== undefined && row[1] !== "" && row[1] !== false).map(([name, value, small]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, String(value), small ? el("small", {}, String(small)) : null))));
}

function lossOf(measured) {
  if (!measured) return null;
  const files = list(measured.files);
  const names = files.length > 1 ? `${files[0]} and ${files.length - 1} more` : files[0];
  const refused = measured.verdict === "refuse" ? ", refused, in use by hand" : "";
  const whose = measured.version ? `version in use, ${measured.version}${refused}` : `run ${measured.run}`;
  return names ? `${whose}: ${names}` : whose;
}

export function notices(state) {
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
  return el("div", { class: `card notice ${tone}` }, el("h3", {}, String(title).replaceAll("_", " ")), el("p", {}, String(message)),
    when ? el("p", { class: "soft" }, "since ", when) : null);
}

export function tiles() {
  const rights = right(), use = inUse(), files = filesTile();
  show($("tiles"), rights, use, files);
  const fresh = !list(seen.versions.versions).some((one) => one.parent) && !list(seen.queue.states).some((one) => one.count);
  $("start").hidden = !fresh;
  $("overview").hidden = fresh;
  if (fresh) start();
}

function tile(id, title, ...children) {
  return el("section", { class: "card tile", id, "aria-label": title }, el("h3", {}, title), ...children);
}

// Right answers of this run's own file only: questions of two files are not one quantity.
function right() {
  const version = list(seen.versions.versions).find((one) => one.version === seen.now.version);
  const newest = seen.accuracy.newest_measurement;
  const training = newest && newest.run && newest.source === "evaluation" && isNumber(newest.percent) && seen.now.status === "training";
  if (training) {
    const file = String(seen.now.current_file || "this file");
    const line = list(seen.accuracy.accuracy_by_file).filter((one) => one && one.file === seen.now.current_file).pop();
    const points = line ? list(line.points).filter(Array.isArray) : [];
    const first = points.length > 1 ? points[0] : null;
    return tile("right-now", "Right answers",
      el("p", { class: "big" }, first ? `${percent(first[1])} → ` : "", el("b", {}, percent(newest.percent))),
      el("p", { class: "soft" }, `${number(newest.right)} of ${number(newest.items)} held-out questions of ${file} at step ${number(newest.step)}${first ? `; the first is from step ${number(first[0])}` : ""}`));
  }
  const exact = version && version.exact;
  if (exact && isNumber(exact.after) && exact.items) {
    return tile("right-now", "Right answers",
      el("p", { class: "big" }, isNumber(exact.before) ? `${number(exact.before)} → ` : "", el("b", {}, `${number(exact.after)} of ${number(exact.items)}`)),
      el("p", { class: "soft" }, `held-out questions answered word for word, before and after ${version.version}`));
  }
  return tile("right-now", "Right answers", empty("Not measured yet. After each file the model answers the questions that were held out."));
}

function inUse() {
  const version = list(seen.versions.versions).find((one) => one.current);
  if (!version) return tile("in-use", "Version in use", empty("None yet."));
  const [tone, verdict] = VERDICTS[version.verdict] || ["", String(version.verdict)];
  const loss = version.loss && version.loss.own_holdout;
  const better = loss && isNumber(loss.before) && isNumber(loss.after);
  const byHand = version.verdict === "refuse" ? ", in use by hand" : "";
  const compared = version.parent ? ` than ${version.parent}` : "";
  const words = { promote: `proven better${compared}`, unproven: `no proof that it is better or worse${compared}`, refuse: `worse${compared}${byHand}`, base: "the untouched base model" }[version.verdict] || verdict;
  return tile("in-use", "Version in use",
    el("p", { class: "big" }, el("b", {}, version.version)),
    el("p", {}, el("span", { class: tone }, words), better ? `: held-out loss ${fixed(loss.before, 2)} → ${fixed(loss.after, 2)}, lower is better` : ""),
    el("p", {}, version.report ? report("versions", version.version, "What changed") : null, version.report ? " · " : null, el("a", { href: "/compare", "data-key": "to-compare" }, "Compare versions")));
}

function filesTile() {
  const count = (state) => (list(seen.queue.states).find((one) => one.state === state) || {}).count || 0;
  const waiting = ["high", "normal", "low", "incoming"].reduce((sum, state) => sum + count(state), 0);
  const refused = count("failed"), unused = list((list(seen.queue.states).find((one) => one.state === "done") || {}).jobs).filter((one) => one.outcome === "not_promoted").length;
  const line = (value, words, tone) => value ? el("li", { class: tone || "" }, el("b", {}, number(value)), ` ${words}`) : null;
  return tile("files-now", "Files", el("ul", { class: "plain" },
    line(count("running"), "in training"), line(waiting, "waiting"), line(count("done"), "done"),
    line(unused, "of these not taken into use", "bad"), line(refused, "refused or failed", "bad"), line(count("skipped"), "skipped")),
    el("p", {}, el("a", { href: "#queue-section", "data-key": "to-files" }, refused || unused ? "See what was wrong" : "All files")));
}

function start() {
  const root = String(seen.now.root || ".");
  const quoted = `'${root.replaceAll("'", "'\\''")}'`;
  if ($("start-steps").dataset.root === root) return;
  $("start-steps").dataset.root = root;
  show($("start-steps"),
    el("li", {}, el("p", {}, "Start the daemon, and leave it running."), copyable("start the daemon", `finetuned run --root ${quoted} &`)),
    el("li", {}, el("p", {}, "Drop a file: one JSON object a line, with a question and its answer."), copyable("drop a file", `cp my.jsonl ${quoted}/inbox/`)),
    el("li", {}, el("p", {}, "Watch it here; then ask the new version."), copyable("ask", `finetuned generate --root ${quoted} 'a question'`)));
}
