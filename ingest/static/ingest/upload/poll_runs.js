// Each uploaded file is followed until its run has ended: one small question for many, none while nobody looks.

const EVERY_MS = 1500;
const LONGEST_MS = 30_000;
const AT_ONCE = 100;
const ENDS = new Set(["succeeded", "empty", "failed", "held", "discarded", "superseded"]);

export class Follower {
  #items = new Map();
  #timer = 0;
  #wait = EVERY_MS;
  #etag = "";
  #asked = "";

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
    this.#timer = document.hidden || !this.#items.size ? 0 : setTimeout(() => this.#look(), wait);
  }

  async #look() {
    const ids = [...this.#items.keys()].slice(0, AT_ONCE);
    const asked = ids.join();
    try {
      const answer = await this.site.follow(ids, asked === this.#asked ? this.#etag : "");
      this.#wait = EVERY_MS;
      this.#asked = asked;
      if (answer) this.#take(answer);
    } catch {
      this.#wait = Math.min(this.#wait * 2, LONGEST_MS);
    }
    this.#plan(this.#wait);
  }

  #take({ etag, runs }) {
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
