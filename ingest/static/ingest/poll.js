// Poll an address for progress every second or two, only while the page is visible, until the work is over.

const QUICK = 1000;
const WAITING = 3000;
const SLOWEST = 30000;

// Call `update` with each new state from the address until it is over; call `onTrouble` with connection problems.
export function follow(address, update, onTrouble = () => {}) {
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
      if (answer.redirected || answer.status === 404) return onTrouble("You are logged out, or this page no longer exists. Reload it.");
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(answer.statusText);
        etag = answer.headers.get("ETag") ?? "";
        const state = await answer.json();
        if (!isOlder(state, latest)) update((latest = state));
      }
      if (failures) onTrouble("");
      failures = 0;
    } catch {
      failures += 1;
      onTrouble("The server isn't responding. Retrying…");
    }
    again();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : latest?.over || ask()));
  ask();
}

// Responses may arrive out of order: the page never goes back to an older state.
function isOlder(state, latest) {
  if (!latest || state.over || state.status !== latest.status) return false;
  for (const name of ["attempt", "step", "done"]) {
    if (state[name] !== latest[name]) return state[name] < latest[name];
  }
  return false;
}

