// The filters, with counts that follow the selection, and the order of the images.

import { $, fewDigits, make, number, short } from "./dom.js";
import { shown } from "./address.js";

const TITLES = {
  marked: "Marks",
  split: "Split",
  source: "Source",
  licence: "Licence",
  depth: "Lowest rank",
  finding: "Findings",
};

/** Show a choice for each value that any image has, or that the address asks for. */
export function showFilters(facets, changed) {
  const groups = Object.keys(TITLES).flatMap((facet) => {
    const values = facets.values[facet];
    const wanted = [...(shown.filters[facet] ?? [])];
    const all = [...values, ...wanted.filter((one) => !values.includes(one))];
    const seen = all.filter((one, code) => facet === "marked" || facets.counts[facet][code] || wanted.includes(one));
    if (seen.length < (facet === "finding" ? 1 : 2) && !wanted.length) return [];
    const choices = seen.map((value) => choice(facets, facet, value, changed));
    return [make("fieldset", { class: facet }, make("legend", {}, TITLES[facet]), ...choices)];
  });
  $("facets").replaceChildren(...ranges(changed), ...groups);
  countChosen();
}

function choice(facets, facet, value, changed) {
  const change = (event) => {
    const chosen = (shown.filters[facet] ??= new Set());
    if (event.target.checked) chosen.add(value);
    else chosen.delete(value);
    if (!chosen.size) delete shown.filters[facet];
    countChosen();
    changed();
  };
  const text = (facet === "finding" && facets.meanings[value]) || value;
  const checked = shown.filters[facet]?.has(value) ?? false;
  const code = facets.values[facet].indexOf(value);
  return make(
    "label",
    { title: facet === "finding" ? short(value) : null },
    make("input", { type: "checkbox", checked, onchange: change }),
    make("bdi", {}, short(text)),
    make("small", { "data-facet": facet, "data-code": code }, number(facets.counts[facet][code] ?? 0)),
  );
}

/** The ranges of numbers that are asked for, each of which can be given up. */
function ranges(changed) {
  const lines = Object.entries(shown.ranges).map(([name, [least, greatest]]) => {
    const giveUp = () => {
      delete shown.ranges[name];
      showRange();
      countChosen();
      changed();
    };
    const text = `${words(name)}: ${least || "any"} to ${greatest || "any"}`;
    return make("label", {}, make("input", { type: "checkbox", checked: true, onchange: giveUp }), make("bdi", {}, short(text)));
  });
  return lines.length ? [make("fieldset", {}, make("legend", {}, "Numbers"), ...lines)] : [];
}

/** Write the counts of the selection beside the choices. */
export function showCounts(counts) {
  for (const one of $("facets").querySelectorAll("small")) {
    one.textContent = number(counts[one.dataset.facet]?.[one.dataset.code] ?? 0);
  }
}

/** Say how many filters are set, and offer to clear them. */
export function countChosen() {
  const values = Object.values(shown.filters).reduce((sum, one) => sum + one.size, 0);
  const chosen = values + Object.keys(shown.ranges).length + (shown.q ? 1 : 0);
  for (const one of document.querySelectorAll(".chosen")) one.textContent = chosen ? ` (${chosen})` : "";
  $("clear").hidden = !chosen;
}

/** Fill the menu of orders; the first number that says how suspicious an image is comes first. */
export function showOrders(facets, changed) {
  const suspicion = facets.numbers.find((name) => name.includes("suspicion")) ?? "findings";
  const first = [["", "by name"], ["-" + suspicion, `most suspicious first (${words(suspicion)})`]];
  const others = facets.numbers.flatMap((name) => {
    return [["-" + name, `${words(name)}, largest first`], [name, `${words(name)}, smallest first`]];
  });
  const orders = [...first, ...others.filter(([value]) => value !== "-" + suspicion)];
  $("sort").replaceChildren(...orders.map(([value, text]) => make("option", { value }, text)));
  $("sort").onchange = () => {
    shown.sort = $("sort").value;
    showRange();
    changed();
  };
  for (const end of ENDS) {
    $(end).onchange = () => {
      const given = ENDS.map((one) => $(one).value);
      if (given.every(Boolean) && Number(given[0]) > Number(given[1])) given.reverse();
      if (given.some(Boolean)) shown.ranges[sortedBy()] = given;
      else delete shown.ranges[sortedBy()];
      showFilters(facets, changed);
      showRange();
      changed();
    };
  }
  ends = facets.ends;
  showOrder();
}

const ENDS = ["least", "greatest"];
/** By number, the least and the greatest value that any image has. */
let ends = {};
const words = (name) => name.replaceAll("_", " ");
const sortedBy = () => shown.sort.replace(/^-/, "");

/** Show the order of the address, and the range of the number that the images are in the order of. */
export function showOrder() {
  $("sort").value = shown.sort;
  showRange();
}

function showRange() {
  $("range").hidden = !shown.sort;
  const given = shown.ranges[sortedBy()] ?? ["", ""];
  ENDS.forEach((end, place) => {
    $(end).value = given[place];
    const most = ends[sortedBy()]?.[place];
    $(end).placeholder = most == null ? "" : fewDigits(most);
  });
}
