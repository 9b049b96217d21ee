// The list of runs: a filter that was chosen is applied at once, and rows that go on follow by themselves.

import { follow } from "./poll.js";

const GOING = new Set(["queued", "waiting", "running"]);
const FOLLOWS = "Updates automatically.";
const narrow = document.getElementById("run-filters");

narrow?.addEventListener("change", (event) => {
  if (event.target.name !== "q") narrow.requestSubmit();
});

narrow?.addEventListener("submit", () => {
  for (const field of narrow.elements) if (field.name && !field.value) field.disabled = true; // a short address
});

// Whoever comes back finds the fields as they were.
addEventListener("pageshow", () => {
  for (const field of narrow?.elements ?? []) field.disabled = false;
});

const live = document.getElementById("follow");
const announce = document.getElementById("announce");
const shown = new Map();
let wasNewer = false;

// The row as it is now: a cell at a time, so that a tick stays, and the place of the keys.
function replace(row, html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  const now = [...made.content.querySelector("tr").children];
  [...row.children].forEach((cell, at) => {
    if (cell.isEqualNode(now[at])) return;
    const isHere = cell.contains(document.activeElement);
    cell.replaceWith(now[at]);
    if (isHere) now[at].querySelector("a, input")?.focus();
  });
}

function said(ended) {
  const counts = new Map();
  for (const label of ended) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => `${count} ${count === 1 ? "run" : "runs"}: ${label}.`).join(" ");
}

function changed(word) {
  const ended = [];
  for (const [run, { status, label, html }] of Object.entries(word.rows)) {
    if (shown.get(run) === html) continue;
    const row = document.querySelector(`tr[data-run="${run}"]`);
    if (row) replace(row, html);
    if (!GOING.has(status)) ended.push(label);
    shown.set(run, html);
  }
  const newer = document.getElementById("newer");
  newer.textContent = word.newer;
  newer.hidden = !word.is_newer;
  const told = [said(ended), word.is_newer && !wasNewer ? `${word.newer}: reload the page to see.` : ""];
  if (told.some(Boolean)) announce.textContent = told.join(" ").trim();
  wasNewer ||= word.is_newer;
  if (word.over) tell("All runs on this page have finished.");
}

function tell(text) {
  live.querySelector("[data-field]").textContent = text;
}

if (live) follow(live.dataset.live, changed, (trouble) => tell(trouble || FOLLOWS));
