"use strict";
// Two versions side by side: how many questions each answered rightly, and which answers changed.
import { changes, text } from "./answers.js";
import { $, el, empty, list, number, report, show } from "./dom.js";

const KINDS = { worse: ["bad", "got worse"], better: ["good", "got better"], other: ["soft", "another answer"] };
let found = null;

async function json(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}

async function start() {
  const state = await json("/dashboard/state");
  const versions = list(state.versions && state.versions.versions).map((one) => one.version);
  if (versions.length < 2) return show($("summary"), empty("There are not two versions yet."));
  const wanted = new URLSearchParams(location.search);
  const chosen = { after: state.versions.current || versions[0] };
  const parent = list(state.versions.versions).find((one) => one.version === chosen.after);
  chosen.before = (parent && parent.parent) || versions[1];
  for (const id of ["before", "after"]) {
    const asked = wanted.get(id);
    show($(id), versions.map((name) => el("option", { value: name }, name === state.versions.current ? `${name}, in use` : name)));
    $(id).value = versions.includes(asked) ? asked : chosen[id];
    $(id).addEventListener("change", load);
  }
  $("filter").addEventListener("change", draw);
  await load();
}

async function load() {
  const [before, after] = [$("before").value, $("after").value];
  history.replaceState(null, "", `?before=${before}&after=${after}`);
  try {
    found = await json(`/dashboard/comparison?before=${before}&after=${after}`);
    draw();
  } catch (error) {
    found = null;
    show($("summary"), el("p", { class: "bad" }, String(error.message)));
    show($("answers"));
  }
}

function draw() {
  if (!found) return;
  show($("summary"), summary());
  const kind = $("filter").value;
  const rows = list(found.answers).filter((one) => kind === "changed" || one.kind === kind);
  show($("answers"), rows.length ? rows.map(answer) : empty(found.questions ? "No answer is of this kind." : ""));
}

function summary() {
  const command = `finetuned compare ${found.before} ${found.after}`;
  const more = el("p", { class: "soft" }, "These are the held-out questions that both answered when they were judged. For more questions, or suites of your own: ", el("code", {}, command));
  if (!found.scored) return [el("p", {}, found.questions ? `${number(found.questions)} questions have an answer of both, none of them with a right answer to compare with.` : "No question was answered by both."), more];
  const points = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(100 * value).toFixed(0)}`;
  const [low, high] = found.interval;
  const sure = low > 0 ? "That is more than chance." : high < 0 ? "That is less, and more than chance." : "That may be chance.";
  return [
    el("p", { class: "big" }, el("b", {}, `${number(found.right_before)} → ${number(found.right_after)} of ${number(found.scored)} right`)),
    el("p", {}, `${number(found.better)} got better, ${number(found.worse)} got worse. Change ${points((found.right_after - found.right_before) / found.scored)} points, 95 % interval ${points(low)} to ${points(high)}. ${sure}`),
    el("p", {}, report("versions", found.after, `Report of ${found.after}`)), more];
}

function answer(one) {
  const [tone, words] = KINDS[one.kind] || ["", one.kind];
  const mark = (right) => (right === null ? "" : right ? " ✓" : " ✗");
  return el("article", { class: "card pair" },
    el("h3", {}, el("span", { class: tone }, words), el("span", { class: "soft" }, ` ${one.prompt}`)),
    one.golden ? el("p", { class: "label" }, "Right answer") : null, one.golden ? text(one.golden) : null,
    el("div", { class: "grid" },
      el("div", {}, el("p", { class: "label" }, `${found.before}${mark(one.before_right)}`), text(one.before)),
      el("div", {}, el("p", { class: "label" }, `${found.after}${mark(one.after_right)}`), text(one.after))),
    el("details", {}, el("summary", {}, "Differences"), changes(one.changes)));
}

start().catch((error) => show($("summary"), el("p", { class: "bad" }, String(error.message))));
