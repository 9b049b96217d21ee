// The upload page: check the chosen files, send them, and follow their runs.

import { Site } from "./api.js";
import { MOST, listen, withoutHidden } from "./file_picker.js";
import { pins, whenChanged } from "./pins.js";
import { Follower } from "./poll_runs.js";
import { Rows, count, rate, sentBytes, size, stateOf, time } from "./file_list.js";
import { Sender } from "./multipart.js";
import { DONE, NEEDS_ATTENTION, OVER, WORDS } from "./states.js";

const HEAD = 1 << 16; // bytes that are looked at before a file is sent
const LOOKS = 16; // files in one question: their heads make 1.4 MB at most
const SAYS_EVERY_MS = 3000;

const root = document.getElementById("upload");
const site = new Site(root);
const items = [];
const toLook = [];
const whole = {};
let looking = 0;
let saidLast = "";

const rows = new Rows(act);
const changed = (item) => {
  rows.changed(item);
  plan();
};
const follower = new Follower(site, changed);
const sender = new Sender(site, changed, (item) => follower.follow(item));

listen(root, choose);

function note(texts) {
  const noted = document.getElementById("upload-notes");
  noted.textContent = texts.filter(Boolean).join(" ");
  noted.hidden = !noted.textContent;
}

function choose(files) {
  const { meant, hidden } = withoutHidden(files);
  const preview = document.getElementById("preview-first").checked;
  const active = new Set(items.filter((item) => !OVER.has(item.state)).map((item) => item.path));
  const taken = [];
  const busy = [];
  for (const { file, path } of meant.slice(0, Math.max(0, MOST - items.length))) {
    if (active.has(path)) busy.push(path);
    else {
      active.add(path);
      taken.push({ file, path, preview, pins: pins(), size: file.size, modified: file.lastModified, state: "checking" });
    }
  }
  const over = meant.length - taken.length - busy.length;
  note([
    busy.length ? `${count(busy.length)} skipped: a file with the same name is still uploading (${busy[0]}). Choose it again when that has finished.` : "",
    over > 0 ? `${count(over)} skipped: this page takes at most ${count(MOST)} files. Reload it to add more.` : "",
    hidden ? `${count(hidden)} hidden ${hidden === 1 ? "file" : "files"} skipped.` : "",
    files.length ? "" : "No files found.",
  ]);
  document.getElementById("sent").hidden = false;
  items.push(...taken);
  rows.add(taken);
  toLook.push(...taken);
  look();
  plan();
}

// -- checks before a file is sent ----------------------------------------------------------------------------------------

async function look() {
  while (looking < 2 && toLook.length) {
    looking++;
    await lookAt(toLook.splice(0, LOOKS));
    looking--;
  }
}

async function lookAt(some) {
  const described = (await Promise.all(some.map(describe))).filter(Boolean);
  if (!described.length) return;
  for (const preview of [true, false]) {
    const batch = described.filter(([item]) => item.preview === preview);
    if (!batch.length) continue;
    try {
      const { files } = await site.ask("judge", { files: batch.map(([, about]) => about), preview });
      batch.forEach(([item], index) => take(item, files[index]));
    } catch (error) {
      for (const [item] of batch) end(item, "failed", error.message);
    }
  }
}

async function describe(item) {
  try {
    const head = new Uint8Array(await item.file.slice(0, HEAD).arrayBuffer());
    const tail = new Uint8Array(await item.file.slice(Math.max(0, item.size - HEAD)).arrayBuffer());
    item.fingerprint = await digest(head, tail);
    const { path, size: bytes, modified, fingerprint, pins: settings } = item;
    return [item, { path, size: bytes, modified, fingerprint, pins: settings, head: base64(head) }];
  } catch {
    end(item, "refused", "This file can't be read: it was moved, is locked by another program, or is a folder.");
    return null;
  }
}

// Fingerprint a file by its two ends, to recognize it later; without a secure context (plain HTTP), size and time must do.
async function digest(head, tail) {
  if (!crypto.subtle) return "";
  const both = new Uint8Array(head.length + tail.length);
  both.set(head);
  both.set(tail, head.length);
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", both));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function take(item, judged) {
  item.judged = judged;
  if (judged.refused) end(item, "refused");
  else if (judged.asks.length || item.again) end(item, "asks");
  else sender.add(item);
}

function end(item, state, error = "") {
  Object.assign(item, { state, error });
  changed(item);
}

// Check files that need confirmation again when the settings change.
whenChanged(() => {
  for (const item of items) {
    if (!["asks", "refused"].includes(item.state) || !item.judged?.can_pin) continue;
    Object.assign(item, { pins: pins(), again: true, state: "checking", error: "" });
    toLook.push(item);
    changed(item);
  }
  look();
});

// -- buttons ------------------------------------------------------------------------------------------

async function act(verb, item) {
  if (verb === "send") {
    if (!item.judged) toLook.push(Object.assign(item, { state: "checking", error: "" })), look();
    else sender.add(item);
  } else if (verb === "stop") sender.stop(item);
  else if (verb === "leave") end(item, "out");
  else await decide(verb, item);
  changed(item);
}

async function decide(verb, item) {
  item.deciding = true;
  item.error = "";
  changed(item);
  try {
    const { id, decided } = await site.ask(verb, { run: item.run.run });
    item.run = { ...item.run, decided: decided ?? "Loaded." };
    if (id) follower.follow(item, id);
  } catch (error) {
    item.error = error.message;
  }
  item.deciding = false;
}

document.getElementById("send-all").addEventListener("click", () => {
  for (const item of items) if (item.state === "asks") sender.add(item);
});
document.getElementById("skip-all").addEventListener("click", () => {
  for (const item of items) if (item.state === "asks") end(item, "out");
});

// -- progress above the list -----------------------------------------------------------------------------------

let timer = 0;

function plan() {
  timer ||= setTimeout(tick, 250);
}

function tick() {
  timer = 0;
  for (const item of items) if (item.state === "sending" && item.bar) rows.move(item);
  const sending = items.filter((item) => !["refused", "out", "asks"].includes(item.state));
  const total = sending.reduce((sum, item) => sum + item.size, 0);
  const bytes = sending.reduce((sum, item) => sum + sentBytes(item), 0);
  const sent = sending.filter((item) => item.state === "sent").length;
  const asks = items.filter((item) => item.state === "asks").length;
  const before = sending.reduce((sum, item) => sum + (item.begunWith ?? 0), 0);
  const speed = rate(whole, bytes - before);
  const offline = navigator.onLine || !sender.busy ? "" : " Waiting for the network.";
  const moving = sender.busy && speed ? `, ${size(Math.round(speed))}/s, ${time((total - bytes) / speed)} left` : "";
  document.querySelector("#total-progress progress").value = total ? bytes / total : 0;
  document.getElementById("total-progress").hidden = sending.length < 2; // one file has its own
  document.getElementById("upload-summary").hidden = items.length < 2;
  tellDone();
  document.getElementById("upload-progress").textContent = `${count(sent)} of ${count(sending.length)} files uploaded, ${size(bytes)} of ${size(total)}${moving}.${offline}`;
  document.getElementById("confirm-all").hidden = asks < 2;
  document.getElementById("send-all").textContent = `Upload ${count(asks)} files that need confirmation`;
  if (sender.busy || toLook.length) plan();
}

// Summarize the results so far, and count the files that need attention.
function summary() {
  const numbers = {};
  let done = 0;
  for (const state of items.map(stateOf)) {
    numbers[state] = (numbers[state] ?? 0) + 1;
    done += DONE.has(state);
  }
  const sum = (states) => states.reduce((all, state) => all + (numbers[state] ?? 0), 0);
  const results = WORDS.map(([word, ...states]) => [sum(states), word]).filter(([number]) => number);
  const words = results.map(([number, word]) => `${count(number)} ${word}`).join(", ");
  const text = items.length ? `${count(done)} of ${count(items.length)} ${items.length === 1 ? "file" : "files"} done${words ? `: ${words}` : ""}.` : "";
  return { text, troubled: sum([...NEEDS_ATTENTION]) };
}

function tellDone() {
  const { text, troubled } = summary();
  const only = document.getElementById("attention-filter");
  document.getElementById("upload-summary").textContent = text;
  document.getElementById("attention-count").textContent = count(troubled);
  only.hidden = items.length < 2 || !(troubled || only.control.checked);
}

document.getElementById("only-attention").addEventListener("change", (event) => rows.narrow(event.target.checked));

setInterval(() => {
  const { text } = summary();
  if (text !== saidLast) document.getElementById("upload-status").textContent = saidLast = text;
}, SAYS_EVERY_MS);

addEventListener("beforeunload", (event) => {
  if (sender.busy) event.preventDefault();
});
for (const change of ["online", "offline"]) addEventListener(change, plan);

// On other pages `u` opens this page; here it opens the file picker.
addEventListener(
  "keydown",
  (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key !== "u" || event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    document.getElementById("choose-files").click();
  },
  true,
);
