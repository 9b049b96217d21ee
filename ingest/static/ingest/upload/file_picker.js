// Files come from the two buttons, or are dropped anywhere; folders are walked, and each file keeps its path in them.

export const MOST = 5000; // files in the list at once

// A file's path without what no key can hold: the slash that a dropped entry begins with.
function found(file, path) {
  return { file, path: (path || file.webkitRelativePath || file.name).replace(/^\/+/, "") };
}

const read = (reader) => new Promise((ok, no) => reader.readEntries(ok, no));
const open = (entry) => new Promise((ok, no) => entry.file(ok, no));

async function walk(entry, into) {
  if (into.length > MOST) return;
  if (entry.isFile) {
    into.push(found(await open(entry), entry.fullPath));
    return;
  }
  const reader = entry.createReader();
  for (let some; (some = await read(reader)).length; ) for (const one of some) await walk(one, into);
}

// What was dropped must be asked for at once, before anything is awaited: it is gone after the event.
async function dropped(transfer) {
  const entries = [];
  const files = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry) entries.push(entry);
    else files.push(found(item.getAsFile()));
  }
  for (const entry of entries) await walk(entry, files);
  return files;
}

// `.DS_Store` and the like come with a folder, and nobody means them.
export function withoutHidden(files) {
  const meant = files.filter(({ path }) => !path.includes("/") || !path.split("/").some((part) => part.startsWith(".")));
  return { meant, hidden: files.length - meant.length };
}

export function listen(page, choose) {
  const inputs = { "choose-files": "files-input", "choose-folder": "folder-input" };
  for (const [button, input] of Object.entries(inputs)) {
    const box = document.getElementById(input);
    document.getElementById(button).addEventListener("click", () => box.click());
    box.addEventListener("change", () => {
      choose([...box.files].map((file) => found(file)));
      box.value = ""; // the same file can be chosen again
    });
  }
  const veil = document.getElementById("drop-overlay");
  let within = 0;
  const holds = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (holds(event) && ++within) veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (holds(event) && --within <= 0) veil.hidden = !(within = 0) || true;
  });
  addEventListener("dragover", (event) => {
    if (holds(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    within = 0;
    veil.hidden = true;
    choose(await dropped(event.dataTransfer).catch(() => []));
  });
}
