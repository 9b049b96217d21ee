// A run while it goes: asked for every second or two, quietly while nobody looks; its page once it is over.

const QUICK = 1000;
const WAITING = 3000;
const SLOWEST = 30000;

// Calls `told` with what the address tells of a run, whenever that is new, until it is over. `lost` hears of trouble.
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
      if (answer.redirected || answer.status === 404) return lost("You are logged out, or the run is gone. Load the page again.");
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
      lost("The server doesn't answer; asking again.");
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

function show(run, word) {
  const place = (name) => run.querySelector(`[data-told="${name}"]`);
  for (const name of ["stage", "bytes", "rows", "left"]) place(name).textContent = word[name] ?? "";
  const bar = place("bar");
  if (word.total && word.done) {
    bar.max = word.total;
    bar.value = Math.min(word.done, word.total);
  } else {
    bar.removeAttribute("value");
  }
  place("stages").replaceChildren(
    ...(word.stages ?? []).map(([stage, seconds]) => {
      const item = document.createElement("li");
      const took = document.createElement("span");
      took.className = "quiet";
      took.textContent = ` ${seconds.toFixed(1)} s`;
      item.append(stage, took);
      return item;
    }),
  );
}

// The page as it is now takes the place of the one that was live.
async function finish(run) {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("run");
  if (!answer.ok || !now) return location.reload();
  run.replaceWith(document.adoptNode(now));
  start();
}

function start() {
  const run = document.getElementById("run");
  if (!run?.dataset.live) return;
  const announce = document.getElementById("announce");
  let status = run.querySelector(".status")?.textContent;
  const trouble = run.querySelector('[data-told="trouble"]');
  follow(
    run.dataset.live,
    (word) => {
      if (word.status !== status) {
        status = word.status;
        announce.textContent = `The run is ${status}. ${word.over ? word.reason : ""}`;
        const badge = run.querySelector(".status");
        badge.textContent = status;
        badge.className = `status status-${status}`;
      }
      if (word.over) finish(run).catch(() => location.reload());
      else show(run, word);
    },
    (said) => {
      trouble.textContent = said;
      trouble.hidden = !said;
    },
  );
}

start();
