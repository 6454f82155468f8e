// One image: its names, captions and findings, and a curator's mark.

import { $, ask, bdi, images, make, number, short, visible } from "./dom.js";

const LONG = 300;
const TEXTS = /\.txt$/;

const row = (head, ...cells) => make("tr", {}, make("th", { scope: "row" }, head), ...cells.map(cell));

function cell(value) {
  if (value instanceof Node) return make("td", {}, value);
  const text = String(value ?? "");
  return make("td", {}, text.length > LONG ? make("span", { class: "long", tabindex: 0 }, bdi(text)) : bdi(text));
}

function table(rows, heads) {
  const top = heads && make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head))));
  return make("table", {}, top, make("tbody", {}, ...rows.map((one) => row(...one))));
}

const part = (title, ...content) => make("section", {}, make("h3", {}, title), ...content);

const species = (names) => [names.genus, names.species].filter(Boolean).join(" ");

/** The name of an image: its species, else its lowest rank that is not empty. */
function called(names, ranks) {
  return (
    species(names) ||
    [...ranks]
      .reverse()
      .map((rank) => names[rank])
      .find(Boolean) ||
    "no name"
  );
}

/** Where a rank comes from. If the label differs from names.parquet, a mark has changed it. */
function authority(one, rank) {
  const name = one.catalog[rank] || "";
  if (!name || !Object.keys(one.names).length) return "";
  if ((one.names[rank] || "") !== name) {
    const own = [one.texts["scientific_name.txt"], one.texts["taxonomic_name.txt"]];
    return rank === "common" && own.includes(name) ? "the scientific name" : "a curator's mark";
  }
  return one.names[rank + "_from"] ?? one.names.names_from ?? "";
}

/** Images side by side, with a table of the ranks in which their names differ. */
function compared(one, others, ranks, show) {
  const every = [{ id: one.id, row: one.row, names: one.catalog, own: true }, ...others];
  const known = every.filter((other) => other.names);
  const figures = every.map((other) => {
    const name = other.names ? short(called(other.names, ranks), 60) : "not in the dataset";
    const picture = other.row != null && make("img", { src: "image/" + other.row, alt: name });
    const opened =
      other.own || other.row == null
        ? picture || null
        : make("button", { class: "bare", "aria-label": "Open " + name, onclick: () => show(other.row) }, picture);
    const told = make(
      "figcaption",
      {},
      make("bdi", {}, name),
      make("small", {}, other.own ? "this image" : visible(other.id)),
    );
    return make("figure", {}, opened, told);
  });
  const rows = [...ranks, "common"].map((rank) => [rank, ...known.map((other) => other.names[rank] || "")]);
  const differ = rows.filter(([, ...names]) => new Set(names).size > 1);
  const told = differ.map(([rank, ...names]) => [rank, ...names.map((name) => make("b", {}, bdi(short(name || "—"))))]);
  return make(
    "div",
    {},
    make("div", { class: "beside" }, ...figures),
    (known.length > 1 &&
      (told.length
        ? table(told, ["different rank", ...known.map((other) => (other.own ? "this image" : short(other.id, 9)))])
        : make("p", { class: "soft" }, "All have the same name."))) ||
      null,
  );
}

function finding(one, found, ranks, show) {
  const more = found.more ? make("p", { class: "soft" }, `and ${number(found.more)} more`) : null;
  return make(
    "li",
    {},
    make(
      "p",
      {},
      make("strong", {}, short(found.what || found.kind)),
      found.detail ? make("span", {}, ": ", bdi(found.detail)) : null,
    ),
    found.others.length ? compared(one, found.others, ranks, show) : null,
    more,
  );
}

/**
 * Show an image.
 * @param one the image, from api/row
 * @param facets the dataset's ranks and filters, from api/facets
 * @param show opens another image by its row
 * @param step opens the image that many positions further on in the grid
 */
export function showImage(one, facets, show, step) {
  const { ranks } = facets;
  const title = short(called(one.catalog, ranks));
  const facts = Object.entries(one.catalog).filter(([name]) => ![...ranks, "common", "treeoflife_id"].includes(name));
  const names = [...ranks, "common"].map((rank) => [rank, one.catalog[rank] || "", authority(one, rank)]);
  const captions = Object.entries(one.texts).map(([name, text]) => [name.replace(TEXTS, ""), text]);
  const link =
    one.link && make("a", { href: one.link, rel: "noreferrer noopener", target: "_blank" }, "View at the source");
  const place = [
    ["id", one.id],
    ["licence", one.licence],
    ["shard", one.shard],
    ["byte offset in shard", number(one.shard_offset)],
    ["also in train_small", one.in_train_small ? "yes" : "no"],
    ...facts.map(([name, value]) => [name.replaceAll("_", " "), value]),
  ];
  $("oneBody").replaceChildren(
    make(
      "div",
      { class: "tools" },
      make("button", { class: "plain", "aria-label": "Previous image", onclick: () => step(-1) }, "‹"),
      make("button", { class: "plain", "aria-label": "Next image", onclick: () => step(1) }, "›"),
      make("button", { class: "plain", "aria-label": "Close", onclick: () => $("one").close() }, "✕"),
    ),
    make(
      "div",
      { class: "picture" },
      make("img", { src: "image/" + one.row, alt: title }),
      (link && make("p", {}, link)) || null,
    ),
    make(
      "div",
      { class: "told" },
      make("h2", { id: "oneTitle" }, bdi(title)),
      one.catalog.common && one.catalog.common !== species(one.catalog)
        ? make("p", { class: "soft" }, bdi(short(one.catalog.common)))
        : null,
      one.findings.length
        ? part(
            "Findings",
            make("ul", { class: "findings" }, ...one.findings.map((found) => finding(one, found, ranks, show))),
          )
        : null,
      part("Names and their sources", table(names, ["rank", "name", "from"])),
      part("Captions", table(captions)),
      part("Location", table(place)),
    ),
    form(one, ranks),
  );
  if (!$("one").open) $("one").showModal();
  $("one").scrollTop = 0;
}

const VERDICTS = [
  ["", "no problem"],
  ["relabel", "the label is wrong: relabel it"],
  ["drop", "the image is wrong: drop it"],
];
const said = (mark) => (mark?.verdict ? `Marked: ${mark.verdict}. The next build applies it.` : "");

function form(one, ranks) {
  const mark = one.mark || {};
  const field = (name) =>
    make("label", {}, name, make("input", { name, value: mark[name] ?? (one.catalog[name] || "") }));
  const names = make("div", { hidden: mark.verdict !== "relabel" }, ...[...ranks, "common"].map(field));
  const options = VERDICTS.map(([value, text]) =>
    make("option", { value, selected: (mark.verdict || "") === value }, text),
  );
  const verdict = make(
    "select",
    {
      name: "verdict",
      onchange: () => {
        names.hidden = verdict.value !== "relabel";
      },
    },
    ...options,
  );
  const told = make("p", { role: "status", class: "marked" }, said(mark));
  const whole = make(
    "form",
    { onsubmit: (event) => save(event, one, told) },
    make("h3", {}, "Mark this image"),
    make("label", {}, "Verdict", verdict),
    names,
    make("label", {}, "Note", make("input", { name: "note", value: mark.note || "" })),
    make("div", { class: "actions" }, make("button", { class: "main" }, "Save mark")),
    told,
  );
  return whole;
}

async function save(event, one, told) {
  event.preventDefault();
  const body = JSON.stringify({ treeoflife_id: one.id, ...Object.fromEntries(new FormData(event.target)) });
  try {
    const { mark } = await ask("api/marks", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    told.textContent = said(mark) || "No mark.";
  } catch (error) {
    told.textContent = error.message;
  }
}
