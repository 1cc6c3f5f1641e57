"use strict";
// Builds elements and formats values. All text from outside becomes text nodes.

export const $ = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== "") node.setAttribute(name, value);
    else if (name === "hidden") node.hidden = true;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// Puts new content in place without closing what the reader has opened, or taking the focus away.
export function show(place, ...children) {
  const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  const focus = place.contains(document.activeElement) ? document.activeElement.closest("[data-key]") : null;
  place.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  for (const one of place.querySelectorAll("details")) if (open.has(one.dataset.key)) one.open = true;
  if (focus) {
    const again = [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focus.dataset.key);
    if (again) (again.querySelector("summary") || again).focus();
  }
}

export function put(id, text) {
  const place = $(id);
  if (place.textContent !== text) place.textContent = text;
}

// Foreign numbers and lists may be anything; these take what is fit to be shown.
export const list = (value) => (Array.isArray(value) ? value : []);
export const isNumber = (value) => typeof value === "number";
export const number = (value, digits = 0) =>
  isNumber(value) ? value.toLocaleString("en", { maximumFractionDigits: digits }) : null;
export const fixed = (value, digits) => (isNumber(value) ? value.toFixed(digits) : null);
export const percent = (value) => (isNumber(value) ? `${value.toFixed(0)} %` : null);

export function bytes(value) {
  if (!isNumber(value)) return null;
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1000; at += 1; }
  return `${value.toFixed(at < 2 || value >= 100 ? 0 : 1)} ${units[at]}`;
}

export function duration(seconds) {
  if (!isNumber(seconds)) return null;
  const s = Math.round(seconds), hours = Math.floor(s / 3600), minutes = Math.floor((s % 3600) / 60);
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${s % 60} s` : `${s} s`;
}

// A moment with its day; the year only where it is another one.
export function time(value) {
  const when = new Date(value);
  if (typeof value !== "string" || Number.isNaN(when.getTime())) return null;
  const year = when.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  const words = when.toLocaleString(undefined, { year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  return el("time", { datetime: value, title: when.toLocaleString() }, words);
}

export const empty = (words) => el("p", { class: "empty" }, words);
export const chips = (...parts) => el("ul", { class: "chips" }, ...parts.filter((part) => part && part[0] !== null && part[0] !== undefined && part[0] !== "").map(([value, name]) => el("li", {}, el("b", {}, String(value)), ` ${name}`)));
export const report = (kind, name, words) => el("a", { href: `/reports/${kind}/${encodeURIComponent(name)}`, "data-key": `report-${kind}-${name}` }, words);

// A line to copy; the button says that it was copied.
export function copyable(label, text) {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy: ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  });
  return el("div", { class: "copyable" }, el("pre", { tabindex: "0", role: "region", "aria-label": label }, el("code", {}, text)), button);
}
