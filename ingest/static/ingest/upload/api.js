// Call the site: JSON by POST, retried when the network or the site is at fault.

const WAITS = [500, 1000, 2000, 4000, 8000, 15000, 15000];

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Wait with jittered back-off; stop waiting as soon as the network returns.
export function pause(attempt) {
  const wait = WAITS[Math.min(attempt, WAITS.length - 1)] * (0.5 + Math.random() / 2);
  return Promise.race([sleep(wait), new Promise((done) => addEventListener("online", done, { once: true }))]);
}

export const untilOnline = async () => {
  while (!navigator.onLine) await pause(4);
};

export class Refused extends Error {}

export class Site {
  constructor(root) {
    this.addresses = root.dataset;
    this.token = root.querySelector("[name=csrfmiddlewaretoken]").value;
  }

  async ask(verb, payload) {
    for (let attempt = 0; ; attempt++) {
      await untilOnline();
      try {
        return await this.#once(verb, payload);
      } catch (error) {
        if (error instanceof Refused || attempt >= WAITS.length) throw error;
        await pause(attempt);
      }
    }
  }

  async #once(verb, payload) {
    const answer = await fetch(this.addresses[verb], {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.token },
      body: JSON.stringify(payload),
    });
    if (answer.type === "opaqueredirect") throw new Refused("You are logged out. Log in again, reload this page and choose the files again; what was already uploaded is kept.");
    if (answer.status === 403) throw new Refused("You no longer have permission to do this. Reload this page.");
    if (answer.status >= 500 || [408, 425, 429].includes(answer.status)) throw new Error(`The site returned status ${answer.status}. Try again later.`);
    const body = await answer.json();
    if (body.error && !body.again) throw new Refused(body.error);
    if (body.error) throw new Error(body.error);
    if (!answer.ok) throw new Refused(`The site refused the request (status ${answer.status}). Reload this page and choose the files again; what was already uploaded is kept.`);
    return body;
  }

  async follow(ids, etag) {
    const answer = await fetch(`${this.addresses.follow}?ids=${ids.join(",")}`, {
      redirect: "manual",
      headers: etag ? { "If-None-Match": etag } : {},
    });
    if (answer.status === 304) return null;
    if (!answer.ok) throw new Error(`The site returned status ${answer.status}.`);
    return { etag: answer.headers.get("ETag"), ...(await answer.json()) };
  }
}
