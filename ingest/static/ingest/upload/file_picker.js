// Collect files from the two buttons or from a drop anywhere on the page; walk folders and keep each file's path.

export const MOST = 5000; // files in the list at once

// Pair a file with its path, without the leading slash of a dropped entry.
function withPath(file, path) {
  return { file, path: (path || file.webkitRelativePath || file.name).replace(/^\/+/, "") };
}

const read = (reader) => new Promise((ok, no) => reader.readEntries(ok, no));
const open = (entry) => new Promise((ok, no) => entry.file(ok, no));

async function walk(entry, into) {
  if (into.length > MOST) return;
  if (entry.isFile) {
    into.push(withPath(await open(entry), entry.fullPath));
    return;
  }
  const reader = entry.createReader();
  for (let some; (some = await read(reader)).length; ) for (const child of some) await walk(child, into);
}

// Read the dropped items before awaiting anything: they are no longer available after the event.
async function dropped(transfer) {
  const entries = [];
  const files = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry) entries.push(entry);
    else files.push(withPath(item.getAsFile()));
  }
  for (const entry of entries) await walk(entry, files);
  return files;
}

// Leave out hidden files such as `.DS_Store` that come with a folder.
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
      choose([...box.files].map((file) => withPath(file)));
      box.value = ""; // the same file can be chosen again
    });
  }
  const overlay = document.getElementById("drop-overlay");
  let within = 0;
  const holds = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (holds(event) && ++within) overlay.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (holds(event) && --within <= 0) overlay.hidden = !(within = 0) || true;
  });
  addEventListener("dragover", (event) => {
    if (holds(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    within = 0;
    overlay.hidden = true;
    choose(await dropped(event.dataTransfer).catch(() => []));
  });
}
