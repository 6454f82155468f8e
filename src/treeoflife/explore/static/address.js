// What is shown, as the address bar has it: by names, so that an address holds after a build.

import { $ } from "./dom.js";

/**
 * taxon: its names with slashes; filters: sets of values by facet; ranges: by number, the least and the greatest value as
 * they were typed; open: the id of the open image.
 */
export const shown = { taxon: "", filters: {}, ranges: {}, sort: "", q: "", open: "" };

const TEXTS = ["taxon", "sort", "q", "open"];
const RANGE = /^(.+):([^:]*):([^:]*)$/;

/** Read what is to be shown from the address. */
export function readAddress(facets) {
  const words = new URLSearchParams(location.hash.slice(1));
  for (const name of TEXTS) shown[name] = words.get(name) ?? "";
  shown.filters = {};
  for (const facet of Object.keys(facets.values)) {
    const values = words.getAll(facet);
    if (values.length) shown.filters[facet] = new Set(values);
  }
  shown.ranges = {};
  for (const [, name, least, greatest] of words.getAll("range").map((one) => RANGE.exec(one) ?? [])) {
    if (facets.numbers.includes(name)) shown.ranges[name] = [least, greatest];
  }
  if (shown.sort && !facets.numbers.includes(shown.sort.replace(/^-/, ""))) shown.sort = "";
}

/** The query of the selection that is shown, with further parameters added. */
export function query(more = {}) {
  const words = new URLSearchParams();
  for (const name of ["taxon", "sort", "q"]) if (shown[name]) words.set(name, shown[name]);
  for (const [facet, values] of Object.entries(shown.filters)) for (const one of values) words.append(facet, one);
  for (const [name, ends] of Object.entries(shown.ranges)) words.append("range", [name, ...ends].join(":"));
  for (const [name, value] of Object.entries(more)) words.set(name, value);
  return words.toString();
}

/** Write what is shown into the address; `step` makes it a step that the browser's Back button undoes. */
export function writeAddress(step = true) {
  const text = query(shown.open ? { open: shown.open } : {}).replaceAll("%2F", "/");
  if (location.hash.slice(1) === text) return;
  history[step ? "pushState" : "replaceState"](null, "", "#" + text);
  for (const link of $("exports").querySelectorAll("a")) link.href = "api/export?" + query({ form: link.dataset.form });
}
