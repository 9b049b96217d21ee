// Poll the runs of uploaded files until they end: one request for many files, only while the page is visible.

import { ENDS } from "./states.js";

const EVERY_MS = 1500;
const LONGEST_MS = 30_000;
const AT_ONCE = 100;

export class Follower {
  #items = new Map();
  #timer = 0;
  #wait = EVERY_MS;
  #etag = "";
  #polledIds = "";

  constructor(site, changed) {
    Object.assign(this, { site, changed });
    document.addEventListener("visibilitychange", () => this.#plan(0));
  }

  follow(item, upload = item.upload) {
    this.#items.set(upload, item);
    if (!this.#timer) this.#plan(EVERY_MS / 3);
  }

  #plan(wait) {
    clearTimeout(this.#timer);
    this.#timer = document.hidden || !this.#items.size ? 0 : setTimeout(() => this.#poll(), wait);
  }

  async #poll() {
    const ids = [...this.#items.keys()].slice(0, AT_ONCE);
    const polled = ids.join();
    try {
      const answer = await this.site.follow(ids, polled === this.#polledIds ? this.#etag : "");
      this.#wait = EVERY_MS;
      this.#polledIds = polled;
      if (answer) this.#apply(answer);
    } catch {
      this.#wait = Math.min(this.#wait * 2, LONGEST_MS);
    }
    this.#plan(this.#wait);
  }

  #apply({ etag, runs }) {
    this.#etag = etag;
    for (const [id, run] of Object.entries(runs)) {
      const item = this.#items.get(Number(id));
      if (!item) continue;
      item.run = run;
      if (ENDS.has(run.status)) this.#items.delete(Number(id));
      this.changed(item);
    }
  }
}
