"use strict";
// Sends the token once and gets a session; the token itself is kept nowhere.
const field = document.getElementById("token"), button = document.getElementById("enter");
const trouble = document.getElementById("trouble");

async function enter() {
  if (button.disabled) return;
  button.disabled = true;
  trouble.textContent = "";
  try {
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch("/login", { method: "POST", headers, body: JSON.stringify({ token: field.value.trim() }) });
    if (reply.ok) { location.replace("/"); return; }
    trouble.textContent = (await reply.json()).error.message;
  } catch {
    trouble.textContent = "The server does not answer.";
  }
  button.disabled = false;
  field.select();
}

button.addEventListener("click", enter);
field.addEventListener("keydown", (event) => { if (event.key === "Enter") enter(); });
