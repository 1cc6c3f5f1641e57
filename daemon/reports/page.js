"use strict";
// Draws the charts over tables that are complete without it; needs nothing from any network.
(async () => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  if (!charts.length || !("DecompressionStream" in window)) return;
  try {
    await load(document.getElementById("plotly").textContent);
  } catch (error) {
    return; // The tables stay open.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const draw = () => charts.forEach((chart) => (chart.kind === "lines" ? lines : one)(chart));
  dark.addEventListener("change", draw);
  draw();
  for (const chart of charts) {
    const details = document.querySelector(`#figure-${chart.id} details`);
    if (details) details.open = false;
  }

  async function load(packed) {
    const bytes = Uint8Array.from(atob(packed.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    // The policy of this page names the digest of exactly this text.
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    if (!window.Plotly) throw new Error("the charting library did not start");
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function short(text) {
    const most = innerWidth < 600 ? 18 : 30;
    return text.length > most ? text.slice(0, most - 1) + "…" : text;
  }

  // What every chart looks like.
  function look(height, named) {
    return {
      height, margin: { l: 8, r: 12, t: named ? 36 : 8, b: 8 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 12, color: colour("--ink") },
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      showlegend: named, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal" },
    };
  }

  // Curves over steps: drag to zoom along them, double-click to see all again.
  function lines(chart) {
    const colours = ["--accent", "--second", "--third", "--good", "--bad", "--calm"].map(colour);
    const dashes = ["solid", "dash", "dot", "dashdot"];
    const traces = chart.series.map(([name, x, y, style, place]) => {
      const own = colours[place % colours.length];
      const dash = dashes[Math.floor(place / colours.length) % dashes.length];
      return {
        type: "scatter", name: plain(short(name)), x, y,
        mode: { line: "lines", trace: "lines+markers" }[style] || "markers",
        opacity: { dots: 0.35, trace: 0.6 }[style] || 1,
        line: { color: own, width: style === "trace" ? 1 : 2, dash },
        marker: { color: own, size: { dots: 4, trace: 4 }[style] || 8 },
        customdata: x.map(() => plain(name)),
        hovertemplate: (chart.axis || "step") + " %{x:,}: %{y:.4~g} " + chart.unit + " (%{customdata})<extra></extra>",
      };
    });
    const axis = { automargin: true, gridcolor: colour("--line"), zeroline: false };
    const layout = {
      ...look(320, chart.series.length > 1),
      // Between two versions there is none: the axis has whole numbers only.
      xaxis: { ...axis, tickformat: ",~d", ...(chart.axis === "version" ? { tick0: 0, dtick: Math.max(1, Math.ceil(Math.max(...chart.series.flatMap(([, x]) => x)) / 12)) } : {}), title: { text: chart.axis || "step", standoff: 8, font: { color: colour("--soft") } } },
      yaxis: { ...axis, fixedrange: true, exponentformat: "e", title: { text: chart.unit, standoff: 8, font: { color: colour("--soft") } } },
      shapes: chart.marks.map(([at]) => ({
        type: "line", x0: at, x1: at, y0: 0, y1: 1, yref: "paper", line: { color: colour("--bad"), width: 1.5, dash: "dash" },
      })),
      annotations: chart.marks.map(([at, label], place) => ({
        x: at, y: 1 - 0.09 * place, yref: "paper", xanchor: "left", yanchor: "top", text: " " + plain(label), showarrow: false,
        font: { color: colour("--bad"), size: 11 },
      })),
    };
    Plotly.react(document.getElementById(`plot-${chart.id}`), traces, layout, { displayModeBar: false, responsive: true });
  }

  function one(chart) {
    const place = document.getElementById(`plot-${chart.id}`);
    const lying = chart.kind !== "spread";
    const colours = ["--accent", "--second", "--third"].map(colour);
    const ticks = chart.labels.map((label, index) => index);
    const traces = chart.series.map(([name, counts], index) => ({
      type: "bar", orientation: lying ? "h" : "v", name,
      x: lying ? counts : ticks, y: lying ? ticks : counts,
      marker: { color: colours[index % colours.length] },
      customdata: chart.labels.map((label) => plain(label)),
      hovertemplate: lying
        ? "%{customdata}: %{x:,} " + chart.noun + "<extra></extra>"
        : "%{customdata} " + chart.unit + ": %{y:,} " + chart.noun + "<extra></extra>",
      ...(chart.kind === "bars"
        ? { text: counts.map((n) => n.toLocaleString("en")), textposition: "auto", cliponaxis: false }
        : {}),
    }));
    const names = { tickvals: ticks, ticktext: chart.labels.map((label) => plain(short(label))) };
    const numbers = { gridcolor: colour("--line"), zeroline: false, rangemode: "tozero", tickformat: ",~d" };
    const layout = {
      ...look(lying ? Math.max(150, 60 + 27 * ticks.length) : 270, chart.series.length > 1),
      bargap: lying ? 0.3 : 0.06, barmode: "stack",
      xaxis: { automargin: true, fixedrange: true, ...(lying ? numbers : sparse(names)) },
      yaxis: { automargin: true, fixedrange: true, ...(lying ? { ...names, autorange: "reversed" } : numbers) },
    };
    if (!lying) layout.xaxis.title = { text: chart.unit, standoff: 8, font: { color: colour("--soft") } };
    if (chart.limit_at !== null) limit(layout, chart);
    Plotly.react(place, traces, layout, { displayModeBar: false, responsive: true });
  }

  // A few names are enough under a distribution; the rest shows on pointing.
  function sparse({ tickvals, ticktext }) {
    const every = Math.ceil(tickvals.length / (innerWidth < 600 ? 5 : 8));
    const kept = tickvals.filter((at) => at % every === 0);
    return { tickvals: kept, ticktext: kept.map((at) => ticktext[at]), tickangle: 0 };
  }

  function limit(layout, chart) {
    const line = { color: colour("--second"), width: 2, dash: "dash" };
    layout.shapes = [{ type: "line", x0: chart.limit_at, x1: chart.limit_at, y0: 0, y1: 1, yref: "paper", line }];
    layout.annotations = [{
      x: chart.limit_at, y: 1, yref: "paper", xanchor: "right", text: "limit ", showarrow: false,
      font: { color: colour("--second") },
    }];
  }

  // The library reads a few tags and entities in texts; foreign text must stay text.
  function plain(text) {
    return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  }
})();
