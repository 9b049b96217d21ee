// How files of new tables are read, as it is set on the page; what isn't set is left out, and detected.

const fields = [...document.querySelectorAll("[data-pin]")];
const VALUES = new Map([["true", true], ["false", false]]);

export function pins() {
  const set = fields.filter(({ value }) => value.trim() || value === "\t");
  return Object.fromEntries(set.map(({ dataset, value }) => [dataset.pin, VALUES.get(value) ?? value]));
}

export function whenChanged(call) {
  for (const field of fields) field.addEventListener("change", call);
}
