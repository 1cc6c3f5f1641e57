// Calls a server as the ordinary examples of Node clients do; prints one line per call.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { generateObject, generateText, streamText, tool } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";

const model = "current", baseURL = process.env.OPENAI_BASE_URL;
const messages = [{ role: "user", content: "Say hello." }];
const Light = z.object({ room: z.string(), on: z.boolean() });
const isLight = (found) => Light.safeParse(found).success;
const client = new OpenAI({ maxRetries: 0, timeout: 300_000 });
const sdk = createOpenAI({ baseURL, apiKey: "none" });
const compatible = createOpenAICompatible({ name: "finetuned", baseURL, supportsStructuredOutputs: true });
const prompt = "Is the kitchen light on?", maxOutputTokens = 80;

async function streamed() {
  let text = "";
  for await (const part of await client.chat.completions.create({ model, messages, max_tokens: 8, temperature: 0, stream: true }))
    text += part.choices[0]?.delta?.content ?? "";
  const whole = await client.chat.completions.create({ model, messages, max_tokens: 8, temperature: 0 });
  return text === whole.choices[0].message.content && text;
}

async function parsed() {
  const found = await client.chat.completions.parse({ model, messages, response_format: zodResponseFormat(Light, "light"), max_tokens: 80 });
  return isLight(found.choices[0].message.parsed);
}

async function sdkStream() {
  let text = "";
  for await (const part of streamText({ model: sdk(model), prompt: "Say hello.", maxOutputTokens: 8 }).textStream) text += part;
  return text;
}

async function sdkTool() {
  const weather = tool({ description: "Weather", inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => `sunny in ${city}` });
  const found = await generateText({ model: sdk(model), prompt: "Weather in Paris?", maxOutputTokens, toolChoice: "required", tools: { weather } });
  return found.toolResults[0]?.output.startsWith("sunny");
}

const calls = {
  "openai-node models": async () => (await client.models.list()).data[0].id === model,
  "openai-node chat, streamed": streamed,
  "openai-node parse": parsed,
  "openai-node responses": async () => (await client.responses.create({ model, input: "Say hello.", max_output_tokens: 8 })).output_text,
  "ai-sdk text (responses)": async () => (await generateText({ model: sdk(model), prompt: "Say hello.", maxOutputTokens: 8 })).text,
  "ai-sdk text (chat)": async () => (await generateText({ model: sdk.chat(model), prompt: "Say hello.", maxOutputTokens: 8 })).text,
  "ai-sdk stream": sdkStream,
  "ai-sdk object (responses)": async () => isLight((await generateObject({ model: sdk(model), schema: Light, prompt, maxOutputTokens })).object),
  "ai-sdk object (chat)": async () => isLight((await generateObject({ model: sdk.chat(model), schema: Light, prompt, maxOutputTokens })).object),
  "ai-sdk object (compatible)": async () => isLight((await generateObject({ model: compatible(model), schema: Light, prompt, maxOutputTokens })).object),
  "ai-sdk tool": sdkTool,
};

let failed = 0;
for (const [name, call] of Object.entries(calls)) {
  let trouble = "";
  try {
    const found = await call();
    trouble = found ? "" : `: ${JSON.stringify(found)}`;
  } catch (error) {
    trouble = `: ${error.name}: ${String(error.message).slice(0, 300)}`;
  }
  failed += trouble !== "";
  console.log(`${trouble ? "FAIL" : "ok  "} ${name}${trouble}`);
}
process.exit(failed ? 1 : 0);
