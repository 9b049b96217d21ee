// The list of runs: apply a filter as soon as it is chosen, and keep unfinished rows up to date.

import { follow } from "./poll.js";

const UNFINISHED = new Set(["queued", "waiting", "running"]);
const FOLLOWS = "Updates automatically.";
const filters = document.getElementById("run-filters");

filters?.addEventListener("change", (event) => {
  if (event.target.name !== "q") filters.requestSubmit();
});

filters?.addEventListener("submit", () => {
  for (const field of filters.elements) if (field.name && !field.value) field.disabled = true; // a short address
});

// The browser may restore the page from its cache, with the fields still disabled.
addEventListener("pageshow", () => {
  for (const field of filters?.elements ?? []) field.disabled = false;
});

const live = document.getElementById("follow");
const announce = document.getElementById("announce");
const shown = new Map();
let wasNewer = false;

// Replace a row cell by cell, so that its checkbox and the keyboard focus stay.
function replace(row, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const now = [...template.content.querySelector("tr").children];
  [...row.children].forEach((cell, index) => {
    if (cell.isEqualNode(now[index])) return;
    const isHere = cell.contains(document.activeElement);
    cell.replaceWith(now[index]);
    if (isHere) now[index].querySelector("a, input")?.focus();
  });
}

function summarize(ended) {
  const counts = new Map();
  for (const label of ended) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => `${count} ${count === 1 ? "run" : "runs"}: ${label}.`).join(" ");
}

function update(state) {
  const ended = [];
  for (const [run, { status, label, html }] of Object.entries(state.rows)) {
    if (shown.get(run) === html) continue;
    const row = document.querySelector(`tr[data-run="${run}"]`);
    if (row) replace(row, html);
    if (!UNFINISHED.has(status)) ended.push(label);
    shown.set(run, html);
  }
  const newer = document.getElementById("newer");
  newer.textContent = state.newer;
  newer.hidden = !state.is_newer;
  const messages = [summarize(ended), state.is_newer && !wasNewer ? `${state.newer}: reload the page to see.` : ""];
  if (messages.some(Boolean)) announce.textContent = messages.join(" ").trim();
  wasNewer ||= state.is_newer;
  if (state.over) showStatus("All runs on this page have finished.");
}

function showStatus(text) {
  live.querySelector("[data-field]").textContent = text;
}

if (live) follow(live.dataset.live, update, (trouble) => showStatus(trouble || FOLLOWS));
