// The page: a taxon (its node is in the address), the filters, the taxa below it, and its images.

import { $, ask, bdi, images, make, number, short } from "./dom.js";
import { Grid } from "./grid.js";
import { showImage } from "./image.js";
import { search } from "./search.js";

const TITLES = {
  split: "Split",
  source: "Source",
  licence: "Licence",
  depth: "Lowest rank",
  finding: "Findings",
};
const NARROW = 760;
const state = { node: "", filters: {}, asked: 0 };
const grid = new Grid(query, (place) => openAt(place));
let facets = null;

function query(more = {}) {
  const words = new URLSearchParams({ node: state.node, ...more });
  for (const [name, chosen] of Object.entries(state.filters)) {
    if (chosen.size) words.set(name, [...chosen].sort((a, b) => a - b).join(","));
  }
  return words.toString();
}

async function show(node, keep = false) {
  state.node = node;
  const turn = ++state.asked;
  const found = await ask("api/node?" + query());
  if (turn !== state.asked) return;
  if (!keep && location.hash.slice(1) !== node) history.pushState(null, "", "#" + node);
  lineage(found);
  $("children").replaceChildren(...below(found));
  $("empty").hidden = found.images > 0;
  grid.show(found.images);
}

const crumb = (name, node) => make("a", { href: "#" + node }, make("bdi", {}, short(name, 60)));

function lineage({ path, images: count }) {
  const last = path.at(-1);
  const above = path.slice(0, -1).flatMap((one) => [" › ", crumb(one.name || "not given", one.node)]);
  $("path").replaceChildren(...(path.length ? [crumb("All life", "")] : []), ...above);
  $("here").replaceChildren(last ? bdi(short(last.name || `${last.rank} not given`)) : "All life");
  $("count").textContent = (last ? `${last.rank}, ` : "") + images(count);
}

/** The taxa below, each with a bar whose width is its part of the images. */
function below({ children, images: whole, more }) {
  const lines = children.map((one) => {
    const name = make("bdi", {}, short(one.name || `${one.rank} not given`));
    const bar = make("span", { class: "share", "aria-hidden": "true" });
    bar.style.width = `${(100 * one.images) / Math.max(1, whole)}%`;
    const inside = [name, make("small", {}, number(one.images)), bar];
    return make("li", {}, make("button", { onclick: () => show(one.node), "data-node": one.node }, ...inside));
  });
  return more ? [...lines, make("li", { class: "soft" }, `and ${number(more)} more: search for them`)] : lines;
}

async function open(row) {
  showImage(await ask("api/row/" + row), facets, open, (by) => openAt(grid.focus + by));
}

/** Open the image at a position of the grid, once its row is loaded. */
function openAt(place) {
  if (place < 0 || place >= grid.total) return;
  grid.focus = place;
  grid.reach(Math.floor(place / grid.columns));
  const found = grid.at(place);
  if (found) open(found[0]);
  else setTimeout(() => grid.focus === place && openAt(place), 100);
}

function choice(name, value, code) {
  const count = facets.counts[name][code];
  const change = (event) => {
    const chosen = (state.filters[name] ??= new Set());
    if (event.target.checked) chosen.add(code);
    else chosen.delete(code);
    filtered();
  };
  const text = name === "finding" ? facets.meanings[value] || value : value;
  return make(
    "label",
    { title: name === "finding" ? short(value) : null },
    make("input", { type: "checkbox", onchange: change }),
    make("bdi", {}, short(text)),
    make("small", {}, number(count)),
  );
}

/** A group of choices for each filter that has more than one value. Values that no image has are left out. */
function groups() {
  return Object.entries(facets.values).flatMap(([name, values]) => {
    const there = values.map((value, code) => [value, code]).filter(([, code]) => facets.counts[name][code]);
    if (there.length < (name === "finding" ? 1 : 2)) return [];
    const choices = there.map(([value, code]) => choice(name, value, code));
    return [make("fieldset", { class: name }, make("legend", {}, TITLES[name]), ...choices)];
  });
}

function filtered() {
  const chosen = Object.values(state.filters).reduce((sum, one) => sum + one.size, 0);
  $("chosen").textContent = chosen ? ` (${chosen})` : "";
  $("clear").hidden = !chosen;
  show(state.node, true);
}

function clear() {
  state.filters = {};
  for (const box of $("facets").querySelectorAll("input")) box.checked = false;
  filtered();
}

async function begin() {
  facets = await ask("api/facets");
  document.title = `${short(facets.title)} · treeoflife`;
  $("title").textContent = short(facets.title);
  $("facets").append(...groups());
  $("filters").open = innerWidth > NARROW;
  try {
    await show(location.hash.slice(1), true);
  } catch {
    await show(""); // the address belongs to another dataset or an earlier build
  }
}

search(show);
addEventListener("popstate", () => show(location.hash.slice(1), true));
$("clear").addEventListener("click", clear);
$("title").addEventListener("click", (event) => {
  event.preventDefault();
  show("");
});
$("one").addEventListener("click", (event) => {
  if (event.target === $("one")) $("one").close();
});
$("one").addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by && !event.target.closest("input, select, .long")) openAt(grid.focus + by);
});
$("one").addEventListener("close", () => grid.focusOn(grid.focus));
begin();
