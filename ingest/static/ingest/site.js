// Keyboard shortcuts: `/` searches, `u` uploads, `g` and a letter opens a page, `?` lists them.

const keys = document.getElementById("keys");
const GO = { h: "Home", r: "Runs", d: "Datasets", u: "Upload" };
const SECOND_KEY_MS = 1500;
let wentAt = 0;

function isTyping(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function go(name) {
  const target = [...document.querySelectorAll("#main-nav a")].find((link) => link.textContent === name);
  if (target) location.assign(target.href);
  return Boolean(target);
}

function search() {
  const box = document.querySelector("[data-search], #searchbar, input[type=search]");
  box?.focus();
  box?.select?.();
  return Boolean(box);
}

function press(key) {
  if (performance.now() - wentAt < SECOND_KEY_MS && GO[key]) return go(GO[key]);
  if (key === "g") {
    wentAt = performance.now();
    return false;
  }
  if (key === "/") return search();
  if (key === "u") return go("Upload");
  if (key === "?" && keys) {
    keys.showModal();
    return true;
  }
  return false;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (press(event.key)) event.preventDefault();
});

document.querySelector("[data-help]")?.addEventListener("click", () => keys.showModal());
