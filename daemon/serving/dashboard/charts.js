"use strict";
// Draws the learning charts from rows of numbers.
// Each chart has a sentence and a table as well, for those who do not see drawings.

const CHARTS = [
  { id: "run", title: "Loss of this run", unit: "", column: 1, digits: 3, run: true },
  { id: "loss", title: "Loss of all runs", unit: "nats per token", column: 1, digits: 4 },
  { id: "rate", title: "Learning rate", unit: "", column: 2, digits: 2, power: true },
  { id: "speed", title: "Throughput", unit: "tokens/s", column: 3, digits: 0 },
  { id: "right", title: "Right answers", unit: "%", column: null, digits: 0 },
];
const TABLE_ROWS = 12;
const COLOURS = ["--accent", "--second", "--third", "--fourth"];
const LONGEST_NAME = 30;

export function places(el, ofRun) {
  return CHARTS.filter((chart) => Boolean(chart.run) === ofRun).map((chart) =>
    el("figure", { class: "card", id: `figure-${chart.id}` },
      el("figcaption", {}, el("h3", { id: `title-${chart.id}` }, chart.title), el("p", { id: `said-${chart.id}` }, "no steps yet")),
      el("div", { class: "plot", id: `plot-${chart.id}`, role: "img", "aria-labelledby": `said-${chart.id}`, hidden: "" }),
      el("details", { "data-key": `numbers-${chart.id}` }, el("summary", {}, `Numbers of ${chart.title.toLowerCase()}`), el("div", { id: `table-${chart.id}` }))));
}

export function draw(el, steps, validations, accuracy, now) {
  const run = thisRun(steps, validations, now);
  for (const chart of CHARTS) chart.run ? one(el, chart, run.steps, run.validations, accuracy) : one(el, chart, steps, validations, accuracy);
  const title = document.getElementById("title-run");
  const words = run.name ? `${now.run === run.name ? "Loss of this run" : "Loss of the last run"}${run.file ? `: ${run.file}` : ""}` : "Loss";
  if (title.textContent !== words) title.textContent = words;
}

// The run in training, or the last one; its steps are counted from its own beginning.
function thisRun(steps, validations, now) {
  const last = steps.length ? steps[steps.length - 1][4] : null;
  const name = typeof now.run === "string" && steps.some((row) => row[4] === now.run) ? now.run : last;
  const own = steps.filter((row) => row[4] === name && typeof row[0] === "number");
  if (!own.length) return { name: null, file: "", steps: [], validations: [] };
  const counted = now.run === name && typeof now.current_step === "number" && typeof now.batch_step === "number";
  const offset = counted ? now.current_step - now.batch_step : own[0][0] - 1;
  const moved = (row) => [row[0] - offset, ...row.slice(1)];
  const files = now.run === name && Array.isArray(now.current_files) ? now.current_files.map(String) : [];
  const file = files.length > 1 ? `${files[0]} and ${files.length - 1} more` : files[0] || "";
  // Its name stands in the title.
  const unnamed = (row) => { const found = moved(row); found[4] = undefined; return found; };
  const checked = validations.filter((row) => row[2] === name && typeof row[0] === "number").map((row) => [row[0] - offset, row[1]]);
  return { name, file, steps: own.map(unnamed), validations: checked };
}

function one(el, chart, steps, validations, accuracy) {
  const series = chart.column === null ? files(accuracy)
    : [{ name: "training", points: pairs(steps, chart.column), colour: "--accent" }];
  if (chart.column === 1 && validations.length) {
    series.push({ name: "validation (held out)", points: validations, colour: "--second", marks: true });
  }
  const said = document.getElementById(`said-${chart.id}`);
  const sentence = words(chart, series);
  if (said.textContent !== sentence) said.textContent = sentence;
  table(el, chart, series);
  const place = document.getElementById(`plot-${chart.id}`);
  place.hidden = !window.Plotly || !series.some((line) => line.points.length);
  // In a closed section it has no width to be drawn in; opening the section draws it.
  if (!place.hidden && place.offsetWidth) Plotly.react(place, traces(chart, series), look(chart, series), { displayModeBar: false, responsive: true });
}

// The files that were asked last; the legend has room for so many.
function files(accuracy) {
  const last = (line) => (line.points.length ? line.points[line.points.length - 1][0] : -1);
  const shown = [...accuracy].sort((a, b) => last(b) - last(a)).slice(0, COLOURS.length).reverse();
  return shown.map((line, at) => ({ ...line, colour: COLOURS[shown.length - 1 - at] }));
}

// Plotly reads some tags in names; what is shown of a file's name is its text.
function plain(name) {
  const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
  return short.replace(/&/g, "+").replace(/</g, "‹").replace(/>/g, "›");
}

function pairs(steps, column) {
  return steps.filter((row) => typeof row[0] === "number").map((row) => [row[0], row[column], row[4]]);
}

function figure(value, chart) {
  if (typeof value !== "number") return "–";
  if (chart.power) return value.toExponential(chart.digits);
  return value.toLocaleString("en", { maximumFractionDigits: chart.digits, minimumFractionDigits: chart.digits });
}

function words(chart, series) {
  const parts = [];
  for (const line of series) {
    const known = line.points.filter((point) => typeof point[1] === "number");
    if (!known.length) continue;
    const last = known[known.length - 1], first = known[0];
    const name = series.length > 1 ? `${line.name} ` : "";
    const from = known.length > 1 ? `, ${figure(first[1], chart)} ${at(first)}` : "";
    parts.push(`${name}${figure(last[1], chart)} ${chart.unit} ${at(last)}${from}`.replace("  ", " "));
  }
  return parts.join("; ") || "nothing measured yet";
}

function at([step, , run]) {
  return `at step ${step.toLocaleString("en")}${run ? ` (${run})` : ""}`;
}

function table(el, chart, series) {
  const place = document.getElementById(`table-${chart.id}`);
  if (!place.closest("details").open && place.childElementCount) return;
  const rows = series.flatMap((line) => line.points.slice(-TABLE_ROWS).map((point) => [point[0], line.name, point[1]]));
  rows.sort((a, b) => b[0] - a[0]);
  place.replaceChildren(el("table", {},
    el("thead", {}, el("tr", {}, ...["Step", "Of", "Value"].map((name, at) => el("th", { scope: "col", class: at === 1 ? "" : "number" }, name)))),
    el("tbody", {}, ...rows.slice(0, 2 * TABLE_ROWS).map(([step, name, value]) =>
      el("tr", {}, el("td", { class: "number" }, String(step)), el("td", {}, name), el("td", { class: "number" }, figure(value, chart)))))));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function traces(chart, series) {
  return series.map((line) => {
    const x = [], y = [];
    let run;
    for (const point of line.points) {
      // A gap where another run begins, so that no line leads from one to the next.
      if (run !== undefined && point[2] !== undefined && point[2] !== run) { x.push(null); y.push(null); }
      run = point[2];
      x.push(point[0]); y.push(point[1]);
    }
    const few = x.length < 3 || ((line.marks || chart.column === null) && x.length < 40);
    return {
      type: "scatter", mode: few ? "lines+markers" : "lines", name: plain(line.name), x, y,
      line: { color: colour(line.colour), width: 2, dash: line.marks ? "dash" : "solid" },
      marker: { color: colour(line.colour), size: 7 },
      hovertemplate: "step %{x:,}: %{y} " + chart.unit + "<extra></extra>",
    };
  });
}

function look(chart, series) {
  const axis = { automargin: true, gridcolor: colour("--line"), zeroline: false, fixedrange: true };
  const title = (text) => ({ text, standoff: 6, font: { color: colour("--soft"), size: 11 } });
  const two = series.length > 1;
  return {
    height: chart.run ? 250 : 230, margin: { l: 6, r: 10, t: two ? 30 : 8, b: 6 }, uirevision: "same",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: colour("--ink") },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    showlegend: two, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: { ...axis, tickformat: ",~d", nticks: 7, title: title("step") },
    yaxis: {
      ...axis, title: title(chart.run ? "loss, lower is better" : chart.unit), exponentformat: "e", nticks: 6,
      ...(chart.column === null ? { range: [-3, 103] } : {}), ...(chart.id === "speed" ? { rangemode: "tozero", tickformat: ",~s" } : {}),
    },
  };
}
