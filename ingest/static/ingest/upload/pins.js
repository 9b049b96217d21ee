// Read the file format settings of the page; settings left empty are omitted and detected.

const fields = [...document.querySelectorAll("[data-pin]")];
const VALUES = new Map([["true", true], ["false", false]]);

export function pins() {
  const set = fields.filter(({ value }) => value.trim() || value === "\t");
  return Object.fromEntries(set.map(({ dataset, value }) => [dataset.pin, VALUES.get(value) ?? value]));
}

export function whenChanged(call) {
  for (const field of fields) field.addEventListener("change", call);
}
