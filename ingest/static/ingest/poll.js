// Follow what goes on: asked for every second or two, not while nobody looks, and no more once it is over.

const QUICK = 1000;
const WAITING = 3000;
const SLOWEST = 30000;

// Calls `told` with what the address tells, whenever that is new, until it is over. `lost` hears of trouble.
export function follow(address, told, lost = () => {}) {
  let etag = "";
  let failures = 0;
  let latest = null;
  let timer = 0;

  function again() {
    clearTimeout(timer);
    if (latest?.over || document.hidden) return;
    const pause = latest?.step === undefined ? WAITING : QUICK;
    timer = setTimeout(ask, Math.min(pause * 2 ** failures, SLOWEST));
  }

  async function ask() {
    try {
      const answer = await fetch(address, { headers: etag ? { "If-None-Match": etag } : {}, credentials: "same-origin" });
      if (answer.redirected || answer.status === 404) return lost("You are logged out, or this page no longer exists. Reload it.");
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(answer.statusText);
        etag = answer.headers.get("ETag") ?? "";
        const word = await answer.json();
        if (!isOlder(word, latest)) told((latest = word));
      }
      if (failures) lost("");
      failures = 0;
    } catch {
      failures += 1;
      lost("The server isn't responding. Retrying…");
    }
    again();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : latest?.over || ask()));
  ask();
}

// Answers may overtake each other: what is shown never goes back.
function isOlder(word, latest) {
  if (!latest || word.over || word.status !== latest.status) return false;
  for (const name of ["attempt", "step", "done"]) {
    if (word[name] !== latest[name]) return word[name] < latest[name];
  }
  return false;
}

