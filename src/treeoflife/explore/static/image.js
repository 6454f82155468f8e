// One image: its names, captions and findings, and a curator's mark.

import { $, bdi, make, number, short } from "./dom.js";
import { called, sideBySide } from "./compare.js";
import { localTime } from "./marks.js";
import { send } from "./verdicts.js";
import { pickName } from "./picker.js";

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

function finding(one, found, { ranks, picture }, show) {
  const every = [{ id: one.id, row: one.row, names: one.catalog, own: true }, ...found.others];
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
    found.others.length ? sideBySide(every, ranks, picture, show) : null,
    more,
  );
}

/**
 * Show an image.
 * @param one the image, from api/row
 * @param facets the dataset's ranks and filters, from api/facets
 * @param show opens another image by its row
 * @param step opens the image that many positions further on in the grid
 * @param saved is called once a mark was saved
 */
export function showImage(one, facets, show, step, saved) {
  const { ranks, picture } = facets;
  const title = short(called(one.catalog, ranks));
  const facts = Object.entries(one.catalog).filter(([name]) => ![...ranks, "common", "treeoflife_id"].includes(name));
  const names = [...ranks, "common"].map((rank) => [rank, one.catalog[rank] || "", authority(one, rank)]);
  const captions = Object.entries(one.texts).map(([name, text]) => [name.replace(TEXTS, ""), text]);
  const links = [[one.original, "The original, on the web"], [one.link, "View at the source"]]
    .filter(([href]) => href)
    .map(([href, text]) => make("p", {}, make("a", { href, rel: "noreferrer noopener", target: "_blank" }, text)));
  const numbers = Object.entries(one.numbers).map(([name, value]) => [name.replaceAll("_", " "), String(value)]);
  const zoom = () => {
    $("zoomed").replaceChildren(make("img", { src: picture(one.row), alt: title }));
    $("zoom").showModal();
  };
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
      make("button", { class: "bare", "aria-label": "Zoom", onclick: zoom }, make("img", { src: picture(one.row), alt: title })),
      ...links,
    ),
    make(
      "div",
      { class: "told" },
      make("h2", { id: "oneTitle" }, bdi(title)),
      one.catalog.common && one.catalog.common !== title
        ? make("p", { class: "soft" }, bdi(short(one.catalog.common)))
        : null,
      one.findings.length
        ? part(
            "Findings",
            make("ul", { class: "findings" }, ...one.findings.map((found) => finding(one, found, facets, show))),
          )
        : null,
      part("Names and their sources", table(names, ["rank", "name", "from"])),
      part("Captions", table(captions)),
      numbers.length ? part("Numbers", table(numbers)) : null,
      part("Location", table(place)),
    ),
    form(one, ranks, saved),
  );
  if (!$("one").open) $("one").showModal();
  $("one").scrollTop = 0;
}

const VERDICTS = [
  ["", "no mark"],
  ["agree", "the label is right: agree"],
  ["drop", "the image is wrong: drop it"],
  ["relabel", "the label is wrong: relabel it"],
  ["later", "look again later"],
];
const APPLIED = ["drop", "relabel"];

/** What a mark says, for people. */
function said(mark, ranks) {
  if (!mark?.verdict) return "";
  const name = mark.verdict === "relabel" ? ` as ${called(mark, ranks)}` : "";
  const by = [mark.who, localTime(mark.when)].filter(Boolean).join(", ");
  const effect = APPLIED.includes(mark.verdict) ? " The next build applies it." : "";
  return `Marked: ${mark.verdict}${name}${by ? ` (${by})` : ""}.${effect}`;
}

function form(one, ranks, saved) {
  const mark = one.mark || {};
  let names = mark;
  const status = make("p", { role: "status", class: "marked" }, said(mark, ranks));
  const choose = () =>
    pickName(1, (picked) => {
      names = picked;
      status.textContent = `Not saved yet: relabel as ${called(picked, ranks)}.`;
    });
  const pick = make("button", { type: "button", class: "plain", hidden: mark.verdict !== "relabel", onclick: choose }, "Choose the name…");
  const options = VERDICTS.map(([value, text]) =>
    make("option", { value, selected: (mark.verdict || "") === value }, text),
  );
  const change = () => {
    pick.hidden = verdict.value !== "relabel";
    if (!pick.hidden) choose();
  };
  const verdict = make("select", { name: "verdict", onchange: change }, ...options);
  const note = make("input", { name: "note", value: mark.note || "" });
  const save = async (event) => {
    event.preventDefault();
    const chosen = verdict.value === "relabel" ? Object.fromEntries([...ranks, "common"].map((rank) => [rank, names[rank] ?? ""])) : {};
    const values = { treeoflife_id: one.id, verdict: verdict.value, note: note.value, ...chosen };
    try {
      const { mark: now } = await send("api/marks", values);
      status.textContent = said(now, ranks) || "No mark.";
      saved();
    } catch (error) {
      status.textContent = error.message;
    }
  };
  return make(
    "form",
    { onsubmit: save },
    make("h3", {}, "Mark this image"),
    make("label", {}, "Verdict", verdict),
    pick,
    make("label", {}, "Note", note),
    make("div", { class: "actions" }, make("button", { class: "main" }, "Save mark")),
    status,
  );
}

$("zoom").addEventListener("click", () => $("zoom").close());
