// Send files to the bucket in parts, several at once. S3 knows which parts arrived; the browser stores nothing.

import { meaning } from "./answers.js";
import { pause, untilOnline } from "./api.js";

const PUTS = 6; // at once, over all files: as many connections as a browser opens to one host
const TRIES = 8; // of a part that the network or S3 broke
const BLOCKED = 3; // after so many, if no part ever went through, the way is closed rather than bad
const DENIED = 3; // so many links of a part are refused before the role is to blame
const STALLED_MS = 60_000;
const FILES = 20; // that are begun, or finished, by one request
const AHEAD = 64 << 20; // bytes that are begun by one request
const LINKS = 25; // of parts, asked for at once
const GATHER_MS = 100;

class Broken extends Error {
  constructor(status, text) {
    const answer = new DOMParser().parseFromString(text || "<x/>", "text/xml");
    const field = (name) => answer.querySelector(name)?.textContent ?? "";
    super(field("Message"));
    this.status = status;
    this.code = field("Code") || String(status);
  }
}

function put(url, blob, progress, signal) {
  return new Promise((done, no) => {
    const request = new XMLHttpRequest();
    const broken = () => no(new Broken(request.status, request.responseText));
    let watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), STALLED_MS);
    };
    const abort = () => request.abort();
    request.open("PUT", url);
    request.upload.onprogress = (event) => {
      alive();
      progress(event.loaded);
    };
    request.onload = () => (request.status < 300 ? done() : broken());
    request.onerror = request.onabort = broken;
    request.onloadend = () => {
      clearTimeout(watch);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort);
    alive();
    request.send(blob);
  });
}

const signed = (url) => new URL(url).searchParams.get("X-Amz-Date") ?? "";

// The links that were signed no later than a refused one: they hold the same token.
function dropLinks(links, refused) {
  for (const [number, url] of Object.entries(links)) if (signed(url) <= signed(refused)) delete links[number];
}

export class Sender {
  #queue = [];
  #open = new Set();
  #ended = [];
  #active = 0;
  #starting = false;
  #gathering = 0;
  #wentThrough = false;

  constructor(site, changed, sent) {
    Object.assign(this, { site, changed, sent });
  }

  get busy() {
    return this.#queue.length + this.#open.size > 0;
  }

  add(item) {
    Object.assign(item, { state: "ready", error: "", rounds: 0, abort: new AbortController() });
    this.#queue.push(item);
    this.changed(item);
    this.#pump();
  }

  stop(item) {
    this.#queue = this.#queue.filter((other) => other !== item);
    this.#end(item, "stopped");
  }

  #end(item, state, error = "") {
    item.abort?.abort();
    this.#open.delete(item);
    Object.assign(item, { state, error });
    this.changed(item);
    this.#pump();
  }

  #pump() {
    const waiting = [...this.#open].reduce((sum, item) => sum + item.pending.length, 0);
    if (this.#queue.length && !this.#starting && waiting < 2 * PUTS) this.#start();
    while (this.#active < PUTS) {
      const item = [...this.#open].find((open) => open.pending.length);
      if (!item) return;
      this.#send(item, item.pending.shift());
    }
  }

  async #start() {
    this.#starting = true;
    const some = [];
    for (let bytes = 0; this.#queue.length && some.length < FILES; some.push(this.#queue.shift())) {
      const next = this.#queue[0];
      if (some.length && (bytes + next.size > AHEAD || next.preview !== some[0].preview)) break;
      bytes += next.size;
    }
    try {
      const files = some.map(({ path, size, modified, fingerprint, pins }) => ({ path, size, modified, fingerprint, pins }));
      const { files: answers } = await this.site.ask("start", { files, preview: some[0].preview });
      some.forEach((item, index) => this.#begin(item, answers[index]));
    } catch (error) {
      for (const item of some) this.#end(item, "failed", error.message);
    }
    this.#starting = false;
    this.#pump();
  }

  #begin(item, answer) {
    if (item.abort.signal.aborted) return;
    if (answer.error) {
      this.#end(item, "failed", answer.error);
      return;
    }
    const count = Math.ceil(item.size / answer.part_size);
    const there = new Set(answer.there);
    Object.assign(item, {
      state: "sending",
      upload: answer.id,
      partSize: answer.part_size,
      links: answer.links,
      done: there,
      moving: new Map(),
      pending: Array.from({ length: count }, (_, index) => index + 1).filter((number) => !there.has(number)),
      resumed: there.size > 0,
      samples: [],
    });
    item.bytes = item.begunWith = [...there].reduce((sum, number) => sum + this.#span(item, number), 0);
    this.#open.add(item);
    this.changed(item);
    if (!item.pending.length) this.#finish(item);
  }

  #span(item, number) {
    return Math.min(item.partSize, item.size - (number - 1) * item.partSize);
  }

  async #send(item, number) {
    this.#active++;
    try {
      await this.#deliver(item, number);
      item.done.add(number);
      item.bytes += this.#span(item, number);
    } catch (error) {
      if (!item.abort.signal.aborted) this.#end(item, "failed", error.message);
    }
    item.moving.delete(number);
    this.#active--;
    this.changed(item);
    if (this.#open.has(item) && item.done.size * item.partSize >= item.size) this.#finish(item);
    this.#pump();
  }

  async #deliver(item, number) {
    const start = (number - 1) * item.partSize;
    for (let attempt = 0, denied = 0; ; attempt++) {
      await untilOnline();
      const url = await this.#link(item, number);
      if (item.abort.signal.aborted) return;
      try {
        const blob = item.file.slice(start, start + item.partSize);
        await put(url, blob, (bytes) => item.moving.set(number, bytes), item.abort.signal);
        this.#wentThrough = true;
        return;
      } catch (broken) {
        item.moving.delete(number);
        const means = meaning(broken.status, broken.code);
        if (means === "denied") denied++;
        if (means === "denied" || means === "signature") dropLinks(item.links, url);
        delete item.links[number];
        if (item.abort.signal.aborted) throw broken;
        await this.#judge(item, broken, { means, attempt, denied });
        if (navigator.onLine) await pause(attempt);
        else attempt = -1; // waiting for the network is no attempt
      }
    }
  }

  // Return if the part should be retried; otherwise throw the reason.
  async #judge(item, broken, { means, attempt, denied }) {
    const { status, code } = broken;
    if (!status) {
      await item.file
        .slice(0, 1)
        .arrayBuffer()
        .catch(() => {
          throw new Error("The file was changed, moved or deleted on this computer. Choose it again.");
        });
      if (!navigator.onLine) return;
      if (attempt + 1 >= BLOCKED && !this.#wentThrough)
        throw new Error(`This page can't reach the bucket. The network blocks it, or the bucket's CORS rule doesn't allow ${location.origin}.`);
      if (attempt + 1 >= TRIES) throw new Error("The connection to the bucket failed repeatedly. Resume when it is stable; what was already uploaded is kept.");
      return;
    }
    if (means === "gone") throw new Error("The bucket no longer has this upload: it was canceled elsewhere or has expired. Resume to start over.");
    if (means === "busy") {
      if (attempt + 1 >= TRIES) throw new Error(`The bucket is busy (${code}). Resume later; what was already uploaded is kept.`);
      return;
    }
    if (means === "signature") {
      if (attempt + 1 >= TRIES) throw new Error(`The upload links have expired (${code}). Resume later; what was already uploaded is kept.`);
      return;
    }
    if (means === "denied" && denied < DENIED) return; // with a new link
    if (means === "denied") throw new Error(`The bucket denied access (${code}). The site's role may not write to the bucket, or its access key has changed.`);
    throw new Error(`The bucket refused the upload (${code}): ${broken.message || "no reason was given"}`);
  }

  async #link(item, number) {
    while (!item.links[number]) {
      if (item.abort.signal.aborted) return "";
      item.signing ??= this.site
        .ask("sign", { id: item.upload, parts: [number, ...item.pending.slice(0, LINKS - 1)] })
        .then(({ links }) => Object.assign(item.links, links))
        .finally(() => (item.signing = null));
      await item.signing;
    }
    return item.links[number];
  }

  #finish(item) {
    item.state = "finishing";
    this.changed(item);
    this.#ended.push(item);
    this.#gathering ||= setTimeout(() => this.#finishSome(), GATHER_MS);
  }

  async #finishSome() {
    const some = this.#ended.splice(0, FILES);
    try {
      const { files } = await this.site.ask("finish", { ids: some.map((item) => item.upload) });
      some.forEach((item, index) => this.#finished(item, files[index]));
    } catch (error) {
      for (const item of some) this.#end(item, "failed", error.message);
    }
    this.#gathering = this.#ended.length ? setTimeout(() => this.#finishSome(), GATHER_MS) : 0;
    this.#pump();
  }

  #finished(item, answer) {
    if (item.abort.signal.aborted) return;
    if (answer.missing && item.rounds++ < BLOCKED) {
      for (const number of answer.missing) {
        item.done.delete(number);
        item.bytes -= this.#span(item, number);
      }
      item.pending.push(...answer.missing);
      item.state = "sending";
    } else if (answer.done) {
      this.#open.delete(item);
      item.state = "sent";
      this.sent(item);
    } else if (answer.again && item.rounds++ < TRIES) {
      pause(item.rounds).then(() => this.#open.has(item) && this.#finish(item));
      return;
    } else {
      this.#end(item, "failed", answer.error ?? "Parts of the file went missing repeatedly. Resume to try again.");
      return;
    }
    this.changed(item);
  }
}

