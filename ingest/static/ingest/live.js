// Keep the page of an unfinished run up to date, and replace it with the final page at the end.

import { follow } from "./poll.js";

function show(run, state) {
  const field = (name) => run.querySelector(`[data-field="${name}"]`);
  for (const name of ["stage", "bytes", "rows", "left"]) field(name).textContent = state[name] ?? "";
  const bar = field("bar");
  if (state.total && state.done) {
    bar.max = state.total;
    bar.value = Math.min(state.done, state.total);
  } else {
    bar.removeAttribute("value");
  }
  field("stages").replaceChildren(
    ...(state.stages ?? []).map(([stage, seconds]) => {
      const item = document.createElement("li");
      const took = document.createElement("span");
      took.className = "muted";
      took.textContent = ` ${seconds.toFixed(1)} s`;
      item.append(stage, took);
      return item;
    }),
  );
}

// Replace the live content with the final page.
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
    (state) => {
      if (state.label !== label) {
        label = state.label;
        announce.textContent = `Run ${label}. ${state.over ? state.reason : ""}`;
        const badge = run.querySelector(".status");
        badge.textContent = label;
        badge.className = `status status-${state.look}`;
      }
      if (state.over) finish(run).catch(() => location.reload());
      else show(run, state);
    },
    (message) => {
      trouble.textContent = message;
      trouble.hidden = !message;
    },
  );
}

start();
