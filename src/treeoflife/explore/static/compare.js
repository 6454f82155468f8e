// Images side by side, with a table of the ranks in which their names differ.

import { $, ask, bdi, make, short, visible } from "./dom.js";

/** More pictures than this are no comparison any more. */
const MOST = 60;

const species = (names) => [names.genus, names.species].filter(Boolean).join(" ");

/** The name of an image: its species, else its lowest rank that is not empty. */
export function called(names, ranks) {
  const lowest = [...ranks].reverse().map((rank) => names[rank]);
  return species(names) || lowest.find(Boolean) || "no name";
}

/**
 * @param every the images: id, row and names of each; own if it is the one that is open
 * @param picture returns the address of the picture of a row
 * @param show opens an image by its row
 */
export function sideBySide(every, ranks, picture, show) {
  const known = every.filter((one) => one.names);
  const figures = every.map((one) => {
    const name = one.names ? short(called(one.names, ranks), 60) : "not in the dataset";
    const seen = one.row != null && make("img", { src: picture(one.row), alt: name });
    const opened =
      one.own || one.row == null
        ? seen || null
        : make("button", { class: "bare", "aria-label": "Open " + name, onclick: () => show(one.row) }, seen);
    const about = make("small", {}, one.own ? "this image" : visible(one.id));
    return make("figure", {}, opened, make("figcaption", {}, make("bdi", {}, name), about));
  });
  return make("div", {}, make("div", { class: "beside" }, ...figures), differences(known, ranks));
}

function differences(known, ranks) {
  if (known.length < 2) return null;
  const rows = [...ranks, "common"].map((rank) => [rank, ...known.map((one) => one.names[rank] || "")]);
  const differ = rows.filter(([, ...names]) => new Set(names).size > 1);
  if (!differ.length) return make("p", { class: "soft" }, "All have the same name.");
  const heads = ["different rank", ...known.map((one) => (one.own ? "this image" : short(one.id, 9)))];
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const body = differ.map(([rank, ...names]) =>
    make("tr", {}, make("th", { scope: "row" }, rank), ...names.map((name) => make("td", {}, make("b", {}, bdi(short(name || "—")))))),
  );
  const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  return make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Ranks that differ" }, table);
}

/** Show selected images side by side. */
export async function compare(rows, facets, picture, show) {
  const seen = rows.slice(0, MOST);
  const found = await Promise.all(seen.map((row) => ask(`api/row/${row}?version=${facets.version}`)));
  const every = found.map((one) => ({ id: one.id, row: one.row, names: one.catalog }));
  const more = rows.length > MOST ? make("p", {}, `The first ${MOST} of ${rows.length} images.`) : null;
  const opened = (row) => {
    $("compareDialog").close();
    show(row);
  };
  $("compared").replaceChildren(sideBySide(every, facets.ranks, picture, opened), more ?? "");
  $("compareDialog").showModal();
}

$("closeCompare").addEventListener("click", () => $("compareDialog").close());
