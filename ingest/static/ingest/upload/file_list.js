// The list of files: one row each, from the first check to the end of its run.

import { CHIPS, NEEDS_ATTENTION } from "./states.js";

const UNITS = ["KiB", "MiB", "GiB", "TiB"];
const SHOWN = 8; // columns named in a row

export const count = (number) => number.toLocaleString("en-US");

export function size(bytes) {
  if (bytes < 1024) return `${count(bytes)} bytes`;
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / 1024 ** unit).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} ${UNITS[unit - 1]}`;
}

export function time(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.ceil(seconds % 60)} s`;
  return `${count(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export function sentBytes(item) {
  if (["sent", "finishing"].includes(item.state)) return item.size;
  let bytes = item.bytes ?? 0;
  for (const moving of item.moving?.values() ?? []) bytes += moving;
  item.most = Math.min(item.size, Math.max(item.most ?? 0, bytes)); // sending a part again never moves the bar back
  return item.most;
}

// Bytes a second over the last ten, of anything that has `samples`.
export function rate(thing, bytes) {
  const now = performance.now();
  thing.samples ??= [];
  thing.samples.push([now, bytes]);
  while (thing.samples.length > 2 && now - thing.samples[0][0] > 10_000) thing.samples.shift();
  const [from, before] = thing.samples[0];
  return now - from > 400 ? ((bytes - before) * 1000) / (now - from) : 0;
}

// Return the state of a file, or of its run once it has one.
export function stateOf({ run, state }) {
  if (!run) return state;
  if (isPreviewed(run)) return run.decided ? "out" : "previewed";
  return run.look; // the status, or "partial" where records were rejected
}

// Whether this is a finished or discarded preview.
function isPreviewed(run) {
  return run?.kind === "preview" && ["succeeded", "empty", "discarded"].includes(run.status);
}

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

// Open links in a new tab: this page is uploading files.
function link(text, address) {
  const made = make("a", "", text);
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener";
  return made;
}

function names(list) {
  return list.slice(0, SHOWN).join(", ") + (list.length > SHOWN ? ` and ${count(list.length - SHOWN)} more` : "");
}

function judged(item) {
  const { judged: check } = item;
  if (!check) return [];
  const lines = [];
  if (check.refused) lines.push(make("p", "error-text", check.refused));
  else if (check.dataset) {
    const where = check.address ? ["Loads into ", link(check.dataset, check.address)] : ["Creates table ", make("strong", "", check.dataset)];
    const columns = check.columns.length + check.more;
    const say = [
      ...check.says,
      columns ? `${count(columns)} ${columns === 1 ? "column" : "columns"}: ${names(check.columns)}.` : "",
      check.new.length ? `New: ${names(check.new)}.` : "",
      check.gone.length ? `Not in this file: ${names(check.gone)}.` : "",
    ];
    lines.push(make("p", "muted", ...where, ". ", say.filter(Boolean).join(" ")));
  }
  if (check.read) lines.push(readAs(check.read));
  if (item.state === "asks") for (const ask of check.asks) lines.push(make("p", "warning-text", ask));
  if (item.state === "asks" && check.same) lines.push(make("p", "muted", link(`Run ${check.same.run}`, check.same.address)));
  if (item.state === "asks" && check.gather) lines.push(make("p", "muted", link("Create dataset", check.gather)));
  return lines;
}

// Show how a file is read: one line, with the basis of each part in its details.
function readAs({ summary, parts, skipped, margin }) {
  const rows = parts.map(([label, shown, basis]) => [make("dt", "", label), make("dd", "", shown, ...(basis ? [" ", make("span", `basis basis-${basis}`, basis)] : []))]);
  const lines = skipped.map((line) => make("code", "cell", line));
  const above = lines.length ? [make("p", "muted", "Lines above the header:"), make("div", "skipped", ...lines)] : [];
  const all = make("details", "read-as", make("summary", "", `Read as: ${summary}`), make("dl", "pairs", ...rows.flat()), ...above);
  if (margin) all.append(make("p", "muted", margin));
  return all;
}

function ran(run) {
  const lines = [];
  const name = link(`${run.kind === "preview" ? "Preview, run" : "Run"} ${run.run}`, run.address);
  lines.push(make("p", "", name, run.dataset ? ` · ${run.dataset}` : "", run.figures ? ` · ${run.figures}` : "", run.stage ? ` · ${run.stage}` : ""));
  if (run.reason) lines.push(make("p", "error-text", run.reason));
  if (run.question) lines.push(make("p", "", link("Choose how this file is read", `${run.address}#question`)));
  if (run.decided) lines.push(make("p", "muted", run.decided));
  return lines;
}

function tools(item, act) {
  const button = (text, verb, look = "") => {
    const made = make("button", `button ${look}`, text);
    made.type = "button";
    made.setAttribute("aria-label", `${text}: ${item.path}`);
    made.addEventListener("click", () => act(verb, item));
    return made;
  };
  if (item.state === "asks") return [button("Upload", "send", "primary"), button("Skip", "leave")];
  if (["ready", "sending"].includes(item.state)) return [button("Stop", "stop")];
  if (["failed", "stopped"].includes(item.state)) return [button("Resume", "send", "primary"), button("Skip", "leave")];
  const { run } = item;
  if (isPreviewed(run) && !run.decided && !item.deciding)
    return [button("Load", "load", "primary"), button("Discard", "discard", "danger")];
  return [];
}

export class Rows {
  #list = document.getElementById("file-list");
  #dirty = new Set();
  #timer = 0;

  constructor(act) {
    this.act = act;
  }

  add(items) {
    const rows = document.createDocumentFragment();
    for (const item of items) {
      const folder = item.path.slice(0, item.path.lastIndexOf("/") + 1);
      const name = make("span", "file-name cell", ...(folder ? [make("span", "muted", folder)] : []), item.path.slice(folder.length));
      item.chip = make("span", "status");
      item.figure = make("span", "muted file-progress");
      item.words = make("div", "file-messages");
      item.tools = make("div", "file-tools");
      item.row = make("li", "file", make("div", "file-head", name, item.figure, item.chip), item.words, item.tools);
      item.row.tabIndex = -1;
      rows.append(item.row);
      this.#draw(item);
    }
    this.#list.append(rows);
  }

  // Show all files, or only those that need attention.
  narrow(only) {
    this.#list.classList.toggle("only-attention", only);
  }

  changed(item) {
    this.#dirty.add(item);
    this.#timer ||= setTimeout(() => this.draw(), 100);
  }

  draw() {
    this.#timer = 0;
    for (const item of this.#dirty) this.#draw(item);
    this.#dirty.clear();
  }

  // Update the progress of a file while it is being sent.
  move(item) {
    const bytes = sentBytes(item);
    const speed = rate(item, bytes - item.begunWith); // parts that were already there took no time
    item.bar.value = bytes / item.size;
    const left = speed ? `, ${time((item.size - bytes) / speed)} left` : "";
    const offline = navigator.onLine ? "" : ", waiting for the network";
    item.figure.textContent = `${size(bytes)} of ${size(item.size)}${speed ? `, ${size(Math.round(speed))}/s` : ""}${left}${offline}${item.resumed ? ", resumed" : ""}`;
  }

  #draw(item) {
    const { run } = item;
    const label = isPreviewed(run) ? run.label.replace(/^succeeded/, "previewed") : run?.label;
    const [look, text] = run ? [run.look, label] : CHIPS[item.state];
    item.chip.className = `status status-${look}`;
    item.chip.textContent = text;
    item.row.classList.toggle("needs-attention", NEEDS_ATTENTION.has(stateOf(item)));
    const moving = item.state === "sending" || item.state === "finishing";
    const loading = run?.status === "running" && run.total > 0;
    if (moving || loading) {
      if (!item.bar) {
        item.bar = document.createElement("progress");
        item.bar.max = 1;
        item.bar.setAttribute("aria-label", item.path);
        item.words.before(item.bar);
      }
      if (item.state === "sending") this.move(item);
      else if (moving) item.bar.value = 1;
      else item.bar.value = Math.min(1, run.done / run.total);
    } else if (item.bar) {
      item.bar.remove();
      item.bar = null;
    }
    if (item.state === "finishing") item.figure.textContent = `${size(item.size)}, finalizing`;
    if (!moving) item.figure.textContent = item.state === "stopped" ? `${size(sentBytes(item))} of ${size(item.size)} uploaded` : size(item.size);
    const state = JSON.stringify([item.state, item.error, item.judged, run, item.deciding]);
    if (state === item.drawn) return;
    item.drawn = state;
    const lines = run ? ran(run) : judged(item);
    if (item.error) lines.push(make("p", "error-text", item.error));
    item.words.replaceChildren(...lines);
    const held = item.tools.contains(document.activeElement);
    const now = tools(item, this.act);
    item.tools.replaceChildren(...now);
    item.tools.hidden = !now.length;
    if (held) (now[0] ?? item.row).focus();
  }
}
