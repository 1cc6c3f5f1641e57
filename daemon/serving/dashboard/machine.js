"use strict";
// Memory, disk and GPU of the machine, and the newest events.
import { $, bytes, el, empty, list, show, time } from "./dom.js";

export function machine(state) {
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

// What NVML or the I/O registry said about a missing GPU stands in the title.
function busy(gpu) {
  if (typeof gpu.utilisation !== "number") {
    const none = /not found|no gpu/i.test(gpu.reason || "");
    return el("p", { class: "soft", title: gpu.reason }, none ? "No GPU." : `GPU: ${gpu.reason || "not known"}`);
  }
  const label = `GPU: busy ${Math.round(100 * gpu.utilisation)} % of the time`;
  return el("div", {}, el("p", { class: "label" }, label), el("meter", { min: "0", max: "1", value: String(gpu.utilisation), "aria-label": label }));
}

function gauge(name, used, all) {
  if (used === null || !all) return el("p", { class: "soft" }, `${name}: not known`);
  const label = `${name}: ${bytes(used)} of ${bytes(all)} used, ${bytes(all - used)} free`;
  return el("div", {}, el("p", { class: "label" }, label), el("meter", { min: "0", max: "1", low: "0.8", high: "0.93", optimum: "0", value: String(used / all), "aria-label": label }));
}

export function events(state) {
  const rows = list(state.events).slice().reverse();
  show($("events"), rows.length ? el("ul", { class: "plain" }, ...rows.map((one) =>
    el("li", { title: String(one.event) }, time(one.time), " ", String(one.message)))) : empty("Nothing has happened yet."));
}
