// The page: the taxon that is shown, the taxa below it, its images, and what is done with them.

import { $, ask, bdi, images, make, number, short } from "./dom.js";
import { query, readAddress, shown, writeAddress } from "./address.js";
import { compare } from "./compare.js";
import { watch } from "./connection.js";
import { countChosen, showCounts, showFilters, showOrder, showOrders } from "./filters.js";
import { Grid } from "./grid.js";
import { showImage } from "./image.js";
import { marksList } from "./marks.js";
import { pickName } from "./picker.js";
import { search } from "./search.js";
import { Selected, allLabel } from "./selecting.js";
import { isTyping, say, verdicts } from "./verdicts.js";

const NARROW = 760;
const facets = {};
const selected = new Selected(() => grid.showSelected());
const grid = new Grid(query, openAt, selected);
let asked = 0;
/** The row of the open image. */
let openRow = null;

facets.picture = (row) => grid.image(row);

/** Show the selection of the address; `stay` keeps the place in the grid. */
async function show({ stay = false, step = true } = {}) {
  const turn = ++asked;
  const found = await ask("api/node?" + query());
  if (turn !== asked) return;
  if (!found.is_exact) {
    say("The taxon of this address is not in the dataset now: this is the one above it.");
    shown.taxon = found.taxon;
  }
  writeAddress(step);
  lineage(found);
  $("children").replaceChildren(...below(found));
  $("empty").hidden = found.images > 0;
  $("all").textContent = allLabel(found.images);
  grid.show(found.images, facets.version, stay);
  const { counts } = await ask("api/counts?" + query());
  if (turn === asked) showCounts(counts);
}

/** Show another selection, from its beginning. */
function change(values = {}) {
  if (selected.count) say(`The selection of ${images(selected.count)} was cleared.`);
  Object.assign(shown, values, { open: "" });
  selected.clear();
  return show();
}

const go = (taxon) => (event) => {
  event.preventDefault();
  change({ taxon });
};
const crumb = (name, taxon) => make("a", { href: "#", onclick: go(taxon) }, make("bdi", {}, short(name, 60)));

function lineage({ path, images: count }) {
  const last = path.at(-1);
  const above = path.slice(0, -1).flatMap((one) => [" › ", crumb(one.name || "not given", one.taxon)]);
  $("path").replaceChildren(...(path.length ? [crumb("All life", "")] : []), ...above);
  $("here").replaceChildren(last ? bdi(short(last.name || `${last.rank} not given`)) : "All life");
  $("count").textContent = (last ? `${last.rank}, ` : "") + images(count);
  $("text").hidden = !shown.q;
  const end = () => change({ q: "" });
  const remove = make("button", { class: "plain", "aria-label": "Show all names again", onclick: end }, "✕");
  $("text").replaceChildren("names with ", make("b", {}, bdi(short(shown.q))), " ", remove);
  countChosen();
}

/** The taxa below, each with a bar whose width is its part of the images. */
function below({ children, images: whole, more }) {
  const lines = children.map((one) => {
    const name = make("bdi", {}, short(one.name || `${one.rank} not given`));
    const bar = make("span", { class: "share", "aria-hidden": "true" });
    bar.style.width = `${(100 * one.images) / Math.max(1, whole)}%`;
    const inside = [name, make("small", {}, number(one.images)), bar];
    return make("li", {}, make("button", { onclick: go(one.taxon) }, ...inside));
  });
  return more ? [...lines, make("li", { class: "soft" }, `and ${number(more)} more: search for them`)] : lines;
}

function open(row) {
  return openImage(ask(`api/row/${row}?version=${facets.version}`));
}

async function openImage(answer) {
  try {
    const one = await answer;
    openRow = one.row;
    shown.open = one.id;
    writeAddress(false);
    showImage(one, facets, open, (by) => openAt(grid.focus + by), () => show({ stay: true, step: false }));
  } catch (error) {
    say(error.message);
  }
}

/** Open the image at a position of the grid, once its row is loaded. */
async function openAt(place) {
  if (place < 0 || place >= grid.total) return;
  grid.focus = place;
  grid.reach(Math.floor(place / grid.columns));
  const found = await grid.loaded(place);
  if (found && grid.focus === place) await open(found[0]);
}

/** Open an image by its id, and move the grid to it if it is in the selection. */
async function openId(id) {
  try {
    const { place } = await ask(`api/place/${encodeURIComponent(id)}?${query()}`);
    if (place != null) grid.focus = place;
    await openImage(ask(`api/id/${encodeURIComponent(id)}`));
  } catch {
    say("The image of this address is not in the dataset now.");
    shown.open = "";
  }
}

/** What a verdict is for: the open image, else the selected ones, else the one in focus. */
function target() {
  const { version } = facets;
  if ($("one").open) return { named: { rows: [openRow], version }, count: 1, single: true };
  if (selected.count) return { named: { ...selected.named(), version }, count: selected.count, single: false };
  const found = document.activeElement?.classList.contains("cell") && grid.at(grid.focus);
  return found ? { named: { rows: [found[0]], version }, count: 1, single: true } : null;
}

/** After verdicts: show them, and of a single image go on to the next. */
async function judged(single) {
  const leaves = "marked" in shown.filters;
  const wasOpen = $("one").open;
  if (!single) selected.clear();
  await show({ stay: true, step: false });
  if (!single) return;
  const next = Math.min(grid.total - 1, grid.focus + (leaves ? 0 : 1));
  await grid.loaded(next);
  if (wasOpen) await openAt(next);
  else grid.focusOn(next);
}

async function learn() {
  Object.assign(facets, await ask("api/facets"));
  document.title = `${short(facets.title)} · treeoflife`;
  $("title").textContent = short(facets.title);
  $("readonly").textContent = facets.read_only;
  $("readonly").hidden = !facets.read_only;
}

async function begin() {
  await learn();
  readAddress(facets);
  showFilters(facets, () => change());
  showOrders(facets, () => change());
  $("filters").open = innerWidth > NARROW;
  selected.tell();
  marksList(facets, openId);
  const wanted = shown.open;
  await show({ step: false });
  if (wanted) openId(wanted);
  watch(facets.version, async () => {
    await learn();
    selected.clear();
    showFilters(facets, () => change());
    await show({ stay: true, step: false });
  });
}

search(
  (one) => change({ taxon: one.taxon, q: "" }),
  (text) => change({ taxon: "", q: text }),
);
verdicts(target, pickName, judged);
addEventListener("popstate", () => {
  readAddress(facets);
  showFilters(facets, () => change());
  showOrder();
  if (!shown.open) $("one").close();
  show({ step: false }).then(() => shown.open && openId(shown.open));
});
$("clear").addEventListener("click", () => {
  change({ filters: {}, ranges: {}, q: "" });
  showFilters(facets, () => change());
  showOrder();
});
$("fold").addEventListener("click", () => {
  const open = document.querySelector("aside").classList.toggle("open");
  $("fold").setAttribute("aria-expanded", String(open));
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("#exports summary")) $("exports").open = false;
});
$("title").addEventListener("click", (event) => {
  event.preventDefault();
  change({ taxon: "" });
});
$("all").addEventListener("click", () => selected.everything(grid.total));
$("unselect").addEventListener("click", () => selected.clear());
$("compare").addEventListener("click", () => {
  if (selected.all || selected.rows.size < 2) say("Select two images or more, one by one, to compare them.");
  else compare([...selected.rows], facets, facets.picture, open);
});
$("one").addEventListener("click", (event) => {
  if (event.target === $("one")) $("one").close();
});
$("one").addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by && !event.target.closest("input, select, .long, .wide")) openAt(grid.focus + by);
});
$("one").addEventListener("close", () => {
  shown.open = "";
  writeAddress(false);
  grid.focusOn(grid.focus);
});
document.addEventListener("keydown", (event) => {
  if (isTyping(event) || document.querySelector("dialog[open]")) return;
  const all = event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey);
  if (all) selected.everything(grid.total);
  else if (event.key.toLowerCase() === "c" && !event.ctrlKey && !event.metaKey) $("compare").click();
  else if (event.key === "Escape") selected.clear();
  else return;
  event.preventDefault();
});
begin();
