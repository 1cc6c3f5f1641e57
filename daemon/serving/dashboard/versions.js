"use strict";
// The files and what became of them, and the versions, newest first.
import { $, bytes, chips, el, empty, fixed, list, number, report, show, time } from "./dom.js";

export const VERDICTS = {
  base: ["", "the untouched base"], promote: ["good", "proven better"],
  unproven: ["unsure", "no proof either way"], refuse: ["bad", "proven worse"],
};
const STATES = {
  running: "in training", high: "waiting, high priority", normal: "waiting", low: "waiting, low priority",
  incoming: "being read", failed: "refused or failed", skipped: "skipped", done: "done",
};

export function queue(state) {
  if (state.problem) return show($("queue"), el("p", { class: "bad" }, state.problem));
  const some = list(state.states).filter((one) => one.count);
  if (!some.length) return show($("queue"), empty("No file has been dropped yet: put a .jsonl file into inbox/."));
  show($("queue"), chips(...some.map((one) => [number(one.count), STATES[one.state] || one.state])), some.map(group));
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
  const unused = job.outcome === "not_promoted";
  const into = unused ? `${job.version} is not used` : job.version ? `became ${job.version}` : job.outcome && job.outcome !== "trained" ? String(job.outcome).replaceAll("_", " ") : null;
  const facts = [rows, into].filter(Boolean).join(", ");
  const reasons = list(job.reasons);
  return el("li", {}, job.report ? report("files", job.job, job.name) : el("b", {}, job.name),
    el("span", { class: "soft" }, facts ? `  ${facts}  ` : "  "), time(job.ended_at || job.claimed_at),
    job.reason ? el("div", { class: state === "failed" || unused ? "bad" : "soft" }, job.reason) : null,
    reasons.length ? el("ul", { class: "why" }, ...reasons.map((reason) => el("li", {}, reason))) : null);
}

export function versions(state) {
  if (state.problem) return show($("versions"), el("p", { class: "bad" }, state.problem));
  const rows = list(state.versions);
  if (!rows.length) return show($("versions"), empty("There is no version yet: the first one is the base model itself."));
  const names = ["Version", "Verdict", "Came from", "Right answers", "Held-out loss", "Files", "Created"];
  show($("versions"),
    ...list(state.problems).map((problem) => el("p", { class: "bad" }, problem)),
    state.count > rows.length ? el("p", { class: "soft" }, `${rows.length} of ${state.count} versions are shown.`) : null,
    rows.length > 1 ? el("p", {}, el("a", { href: "/compare", "data-key": "compare" }, "Compare any two of them")) : null,
    el("div", { class: "card" }, el("table", { class: "stack" },
      el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...rows.map((row) => version(row, names))))));
}

function version(row, names) {
  const [tone, verdict] = VERDICTS[row.verdict] || ["", row.verdict];
  const reasons = list(row.reasons);
  const loss = row.loss && row.loss.own_holdout;
  const place = row.current ? " in use" : row.in_line ? " an ancestor" : "";
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
    el("th", { scope: "row" }, row.report ? report("versions", row.version, row.version) : row.version, el("span", { class: row.current ? "good" : "soft" }, place)),
    ...cells.map((cell, at) => el("td", { "data-name": names[at + 1] }, cell)));
}
