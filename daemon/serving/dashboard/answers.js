"use strict";
// The newest answers beside the right ones, and how the answers to the same prompts changed.
import { $, chips, el, empty, list, number, percent, show } from "./dom.js";

export function accuracy(state) {
  const newest = state.newest_measurement;
  if (typeof state.accuracy_percent !== "number" && !(newest && typeof newest.percent === "number")) return show($("accuracy"), empty("No answer has been scored yet."));
  const files = list(state.accuracy_files).length;
  show($("accuracy"), chips(
    newestPart(newest),
    [percent(state.accuracy_last_20), "of the last 20"],
    [percent(state.accuracy_last_50), "of the last 50"],
    [typeof state.total_evals === "number" ? `${number(state.total_correct)} of ${number(state.total_evals)}` : null, "in all"],
    [percent(state.best_accuracy), `best, at step ${number(state.best_step)}`],
    [state.accuracy_trend, "trend in this run"],
    [files > 1 ? `${files} files` : null, "lately"]));
}

function newestPart(newest) {
  if (!newest || typeof newest.percent !== "number") return ["Not measured", "yet in this run"];
  const counted = typeof newest.items === "number" ? ` (${number(newest.right)} of ${number(newest.items)})` : "";
  const judged = newest.source === "judgement" ? ", when it was judged" : "";
  return [percent(newest.percent), `right at step ${number(newest.step)}${counted}${judged}`];
}

export function samples(state) {
  const cards = list(state.samples).map((one) =>
    el("article", { class: "card" },
      el("h3", {}, el("span", { class: one.matches ? "good" : "bad" }, one.matches ? "✓ right" : "✗ not equal"),
        el("span", { class: "soft" }, ` step ${number(one.step) ?? "?"}, ${one.file}`)),
      el("p", { class: "label" }, "Prompt"), text(one.prompt),
      el("p", { class: "label" }, "Right answer"), text(one.golden_answer),
      el("p", { class: "label" }, "The model’s answer"), text(one.model_answer),
      one.matches ? null : el("p", { class: "label" }, "Differences"),
      one.matches ? null : changes(one.changes)));
  show($("samples"), cards.length ? cards : [empty("No answer yet: during training the model answers some held-out questions.")]);
}

export function text(words) {
  return el("p", { class: "text" }, words || "(empty)");
}

export function changes(pairs) {
  const tags = { gone: "del", new: "ins", same: "span" };
  const parts = list(pairs).filter(([, words]) => words).map(([kind, words]) => el(tags[kind] || "span", {}, words));
  return el("p", { class: "text" }, ...parts);
}

export function evolution(state) {
  if (state.problem) return show($("evolution"), el("p", { class: "bad" }, state.problem));
  const probes = list(state.probes);
  if (!probes.length) return show($("evolution"), empty("No probe has been answered yet: put your own prompts into evals/probes.jsonl."));
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
    one.golden ? el("p", {}, el("span", { class: "soft" }, "right answer: "), one.golden) : null,
    el("ol", { class: "why", "aria-label": "answers by step" }, ...answers.map((answer) =>
      el("li", {}, el("span", { class: "soft" }, `step ${number(answer.step)}${typeof answer.similarity === "number" ? `, ${Math.round(100 * answer.similarity)} % alike` : ""}: `), answer === last ? el("b", {}, answer.answer) : answer.answer))),
    one.left_out ? el("p", { class: "soft" }, `${one.left_out} milestones in between are left out`) : null);
}
