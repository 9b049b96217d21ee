// A run while it goes: what its page shows follows it; its page once it is over.

import { follow } from "./poll.js";

function show(run, word) {
  const place = (name) => run.querySelector(`[data-field="${name}"]`);
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
      took.className = "muted";
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
  let label = run.querySelector(".status")?.textContent;
  const trouble = run.querySelector('[data-field="trouble"]');
  follow(
    run.dataset.live,
    (word) => {
      if (word.label !== label) {
        label = word.label;
        announce.textContent = `Run ${label}. ${word.over ? word.reason : ""}`;
        const badge = run.querySelector(".status");
        badge.textContent = label;
        badge.className = `status status-${word.look}`;
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
