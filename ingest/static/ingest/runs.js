// The list of runs: a filter that was chosen is applied at once.

const narrow = document.getElementById("narrow");

narrow?.addEventListener("change", (event) => {
  if (event.target.name !== "q") narrow.requestSubmit();
});

narrow?.addEventListener("submit", () => {
  for (const field of narrow.elements) if (field.name && !field.value) field.disabled = true; // a short address
});

// Whoever comes back finds the fields as they were.
addEventListener("pageshow", () => {
  for (const field of narrow?.elements ?? []) field.disabled = false;
});
