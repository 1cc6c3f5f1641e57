"use strict";
// How to ask the model from elsewhere, and a box that asks the version in use and the base at once.
import { $, copyable, el, show } from "./dom.js";
import { seen } from "./overview.js";

const MOST_TOKENS = 300;

export function recipes() {
  const base = `${location.origin}/v1`;
  const body = JSON.stringify({ model: "current", messages: [{ role: "user", content: "your question" }] });
  const python = `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="unused")
messages = [{"role": "user", "content": "your question"}]
print(client.chat.completions.create(model="current", messages=messages).choices[0].message.content)`;
  show($("recipes"),
    el("p", {}, "Any OpenAI client: base address ", el("code", {}, base), ", model ", el("code", {}, "current"), "."),
    copyable("curl", `curl ${base}/chat/completions -H 'Content-Type: application/json' -d '${body}'`),
    el("details", { "data-key": "python" }, el("summary", {}, "Python"), copyable("Python", python)));
}

export function askBox() {
  const form = $("ask-form"), question = $("ask-question"), button = $("ask-button");
  const send = async () => {
    const text = question.value.trim();
    if (!text || button.disabled) return;
    button.disabled = true;
    const base = await baseModel();
    const places = [["current", seen.now.version ? `Version in use (${seen.now.version})` : "Version in use"], ...(base ? [[base, "Base model"]] : [])]
      .map(([model, title]) => [model, answerCard(title)]);
    show($("ask-answers"), places.map(([, card]) => card.node));
    await Promise.all(places.map(([model, card]) => answer(model, text, card.text)));
    button.disabled = false;
  };
  button.addEventListener("click", send);
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) { event.preventDefault(); send(); }
  });
  form.hidden = false;
}

function answerCard(title) {
  const text = el("p", { class: "text", "aria-live": "polite" }, "…");
  return { node: el("article", { class: "card" }, el("h3", {}, title), text), text };
}

// Nothing but the name of the base that this version stands on.
async function baseModel() {
  try {
    const found = await (await fetch("/v1/models")).json();
    const bases = found.data.map((one) => String(one.id)).filter((id) => id.endsWith("@base"));
    return bases.find((id) => id === `${seen.now.model_name}@base`) || bases[0] || null;
  } catch {
    return null;
  }
}

async function answer(model, question, place) {
  const body = { model, stream: true, max_tokens: MOST_TOKENS, temperature: 0, messages: [{ role: "user", content: question }] };
  try {
    const response = await fetch("/v1/chat/completions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(await refusal(response));
    const words = await streamed(response, place);
    if (!words) place.textContent = "(an empty answer)";
  } catch (error) {
    place.textContent = String(error.message || error);
    place.classList.add("bad");
  }
}

async function refusal(response) {
  if (response.status === 404) return "This server does not answer questions: start it with 'finetuned serve'.";
  try {
    return String((await response.json()).error.message);
  } catch {
    return `The server answered with status ${response.status}.`;
  }
}

async function streamed(response, place) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", words = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return words;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const chunk = JSON.parse(line.slice(6));
      if (chunk.error) throw new Error(String(chunk.error.message));
      const choice = (chunk.choices || [])[0];
      words += (choice && choice.delta && choice.delta.content) || "";
      place.textContent = words || "…";
    }
  }
}
