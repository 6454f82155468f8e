"use strict";
const $ = (id) => document.getElementById(id);
const state = { node: "", filters: {}, total: 0, columns: 1, pages: new Map(), asked: 0, focus: 0 };
const PAGE = 120, MOST_PIXELS = 12e6;
let facets = null;

function make(tag, attributes = {}, ...content) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) one.addEventListener(name.slice(2), value); else if (value !== false && value != null) one.setAttribute(name, value);
  }
  one.append(...content.filter((part) => part != null));
  return one;
}
const visible = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const bdi = (text) => make("bdi", {}, visible(text));
const short = (text) => { const t = visible(text); return t.length > 120 ? t.slice(0, 119) + "…" : t; };
const many = (n) => n.toLocaleString("en") + (n === 1 ? " image" : " images");
async function ask(path, options) {
  const answer = await fetch(path, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error || answer.statusText);
  return value;
}
function query(more = {}) {
  const words = new URLSearchParams({ node: state.node, ...more });
  for (const [name, chosen] of Object.entries(state.filters)) if (chosen.size) words.set(name, [...chosen].sort().join(","));
  return words.toString();
}

async function show(node, keep = false) {
  state.node = node;
  const turn = ++state.asked;
  const found = await ask("api/node?" + query());
  if (turn !== state.asked) return;
  if (!keep && location.hash.slice(1) !== node) history.pushState(null, "", "#" + node);
  const last = found.path[found.path.length - 1];
  $("path").replaceChildren(...(found.path.length ? [crumb("All life", "")] : []), ...found.path.slice(0, -1).flatMap((one) => [" › ", crumb(one.name || "not given", one.node)]));
  $("here").replaceChildren(last ? bdi(short(last.name || last.rank + " not given")) : "All life");
  $("count").textContent = (last ? last.rank + ", " : "") + many(found.images);
  $("children").replaceChildren(...found.children.map((one) => make("li", {}, make("button", { onclick: () => show(one.node), "data-node": one.node },
    make("bdi", {}, short(one.name || one.rank + " not given")), make("small", {}, one.images.toLocaleString("en"))))));
  state.total = found.images; state.pages.clear(); state.focus = 0;
  $("empty").hidden = found.images > 0;
  $("grid").scrollTop = 0; layout();
}
const crumb = (name, node) => make("a", { href: "#" + node }, make("bdi", {}, short(name)));

function layout() {
  const grid = $("grid"), wide = grid.clientWidth;
  state.columns = Math.max(2, Math.floor(wide / 168));
  state.cell = Math.floor(wide / state.columns); state.high = state.cell + 22;
  const rows = Math.ceil(state.total / state.columns);
  $("canvas").style.height = Math.min(rows * state.high, MOST_PIXELS) + "px";
  state.stretch = rows * state.high > MOST_PIXELS;
  $("canvas").replaceChildren(); draw();
}
/* Of more rows than a browser can scroll through, the bar stands for the whole: its place says where to look. */
function firstRow() {
  const grid = $("grid"), rows = Math.ceil(state.total / state.columns), seen = Math.floor(grid.clientHeight / state.high);
  if (!state.stretch) return Math.floor(grid.scrollTop / state.high);
  const share = grid.scrollTop / Math.max(1, MOST_PIXELS - grid.clientHeight);
  return Math.round(share * Math.max(0, rows - seen));
}
function draw() {
  const grid = $("grid"), canvas = $("canvas"), top = firstRow(), shown = Math.ceil(grid.clientHeight / state.high) + 3;
  const first = Math.max(0, top - 1) * state.columns, last = Math.min(state.total, (top + shown) * state.columns);
  const base = state.stretch ? grid.scrollTop - top * state.high : 0;
  const have = new Map([...canvas.children].map((one) => [Number(one.dataset.at), one]));
  for (const [at, one] of have) if (at < first || at >= last || state.stretch) { if (one !== document.activeElement || at < first || at >= last) one.remove(); }
  for (let at = first; at < last; at++) {
    let one = have.get(at);
    if (!one || !one.isConnected) { one = cell(at); if (!one) continue; canvas.append(one); }
    one.style.transform = `translate(${(at % state.columns) * state.cell}px,${base + Math.floor(at / state.columns) * state.high}px)`;
  }
}
function cell(at) {
  const page = Math.floor(at / PAGE), rows = state.pages.get(page);
  if (!rows) { load(page); return null; }
  if (rows === "asked" || !rows[at % PAGE]) return null;
  const [row, label] = rows[at % PAGE];
  const one = make("button", { class: "cell", "data-at": at, "data-row": row, tabindex: at === state.focus ? 0 : -1, "aria-label": short(label), onclick: () => { state.focus = at; open(row); } },
    make("img", { src: "image/" + row, alt: "", width: state.cell - 10, height: state.cell - 10, decoding: "async" }), make("span", { "aria-hidden": "true" }, short(label)));
  one.style.width = state.cell + "px";
  return one;
}
async function load(page) {
  state.pages.set(page, "asked");
  const turn = state.asked;
  const found = await ask("api/rows?" + query({ offset: page * PAGE, limit: PAGE }));
  if (turn !== state.asked) return;
  state.pages.set(page, found.rows);
  draw();
}

async function open(row) {
  const one = await ask("api/row/" + row), names = one.names;
  const rank = (name) => [name, one.catalog[name] || "", names[name + "_from"] || names.names_from || ""];
  const table = (rows, heads) => make("table", {}, heads ? make("thead", {}, make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)))) : null,
    make("tbody", {}, ...rows.map(([head, ...cells]) => make("tr", {}, make("th", { scope: "row" }, head), ...cells.map((c) => make("td", {}, String(c).length > 300 ? make("span", { class: "long", tabindex: 0 }, bdi(c)) : bdi(c ?? "")))))));
  const title = [one.catalog.genus, one.catalog.species].filter(Boolean).join(" ") || one.catalog.common || "no name";
  const facts = Object.entries(one.catalog).filter(([k]) => !facets.ranks.includes(k) && k !== "common").map(([k, v]) => [k.replaceAll("_", " "), v]);
  $("oneBody").replaceChildren(
    make("div", {}, make("img", { src: "image/" + row, alt: short(title) }), one.link ? make("p", {}, make("a", { href: one.link, rel: "noreferrer noopener", target: "_blank" }, "Where it came from")) : null, form(one)),
    make("div", {}, make("h2", { id: "oneTitle" }, bdi(short(title))), make("p", {}, bdi(short(one.catalog.common || ""))),
      make("h3", {}, "Names, and who says so"), table([...facets.ranks, "common"].map(rank), ["rank", "name", "from"]),
      make("h3", {}, "Captions"), table(Object.entries(one.texts)),
      make("h3", {}, "Where it is"), table([["id", one.id], ["licence", one.licence], ["shard", one.shard], ["byte", one.position], ["also in train_small", one.in_train_small ? "yes" : "no"], ...facts])),
    make("button", { class: "plain close", "aria-label": "Close", onclick: () => $("one").close() }, "✕"));
  if (!$("one").open) $("one").showModal();
}
function form(one) {
  const mark = one.mark || {}, field = (name, label) => make("label", {}, label, make("input", { name, value: mark[name] ?? (one.catalog[name] || "") }));
  const ranks = make("div", { hidden: mark.verdict === "relabel" ? false : "" }, ...[...facets.ranks, "common"].map((name) => field(name, name)));
  const verdict = make("select", { name: "verdict", onchange: () => { ranks.hidden = verdict.value !== "relabel"; } },
    ...[["", "nothing is wrong"], ["relabel", "the label is wrong: relabel it"], ["drop", "the image is wrong: drop it"]].map(([value, text]) => make("option", { value, selected: (mark.verdict || "") === value ? "" : false }, text)));
  const told = make("p", { role: "status", class: "marked" }, mark.verdict ? "Marked: " + mark.verdict + ". The next build obeys." : "");
  const note = make("input", { name: "note", value: mark.note || "" });
  const whole = make("form", { onsubmit: async (event) => {
    event.preventDefault();
    const body = { treeoflife_id: one.id, ...Object.fromEntries(new FormData(whole)) };
    try {
      const { mark: now } = await ask("api/marks", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      told.textContent = now ? "Marked: " + now.verdict + ". The next build obeys." : "No mark.";
    } catch (error) { told.textContent = error.message; }
  } }, make("h3", {}, "Is something wrong?"), make("label", {}, "Verdict", verdict), ranks, make("label", {}, "Note", note), make("div", { class: "actions" }, make("button", { class: "main" }, "Save mark")), told);
  return whole;
}

let waiting = 0, chosen = -1;
function found(rows) {
  chosen = -1;
  $("found").replaceChildren(...rows.map((one, at) => make("li", { role: "option", id: "f" + at, "aria-selected": "false", onclick: () => pick(one) }, make("bdi", {}, short(one.text)), make("small", {}, `${one.kind === "common" ? "common name" : one.kind}, ${one.images.toLocaleString("en")}`))));
  if (!rows.length && $("q").value.trim()) $("found").replaceChildren(make("li", { role: "option", "aria-selected": "false" }, "No name is like this."));
  const openNow = $("found").children.length > 0 && $("q").value.trim() !== "";
  $("found").hidden = !openNow; $("q").setAttribute("aria-expanded", String(openNow));
}
function pick(one) { $("q").value = ""; found([]); show(one.node); }
$("q").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(async () => { const q = $("q").value; const answer = q.trim() ? await ask("api/search?" + new URLSearchParams({ q })) : { found: [] }; if (q === $("q").value) found(answer.found); }, 120); });
$("q").addEventListener("keydown", (event) => {
  const rows = [...$("found").children];
  if (event.key === "Escape") return found([]);
  if (event.key === "Enter" && rows.length) return rows[Math.max(0, chosen)].click();
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || !rows.length) return;
  event.preventDefault();
  chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % rows.length;
  rows.forEach((one, at) => one.setAttribute("aria-selected", String(at === chosen)));
  $("q").setAttribute("aria-activedescendant", "f" + chosen); rows[chosen].scrollIntoView({ block: "nearest" });
});
$("grid").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: state.columns, ArrowUp: -state.columns }[event.key];
  if (event.key === "Enter" && event.target === $("grid")) { const one = document.querySelector(`.cell[data-at="${state.focus}"]`); if (one) one.click(); return; }
  if (!step) return;
  event.preventDefault();
  const on = event.target.classList.contains("cell");
  state.focus = Math.max(0, Math.min(state.total - 1, on ? state.focus + step : state.focus));
  const top = Math.floor(state.focus / state.columns) * state.high, grid = $("grid");
  if (!state.stretch && (top < grid.scrollTop || top + state.high > grid.scrollTop + grid.clientHeight)) { grid.scrollTop = top - state.high; draw(); }
  const one = document.querySelector(`.cell[data-at="${state.focus}"]`);
  if (one) { document.querySelectorAll('.cell[tabindex="0"]').forEach((other) => { other.tabIndex = -1; }); one.tabIndex = 0; one.focus(); }
});
$("grid").addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
addEventListener("resize", layout);
addEventListener("popstate", () => show(location.hash.slice(1), true));
$("title").addEventListener("click", (event) => { event.preventDefault(); show(""); });
$("one").addEventListener("click", (event) => { if (event.target === $("one")) $("one").close(); });
$("one").addEventListener("close", () => document.querySelector(`.cell[data-at="${state.focus}"]`)?.focus());

async function begin() {
  facets = await ask("api/facets");
  document.title = short(facets.title) + " · treeoflife"; $("title").textContent = short(facets.title);
  const titles = { split: "Split", source: "Source", licence: "Licence", depth: "Named down to", finding: "Findings" };
  $("facets").append(...Object.entries(facets.values).filter(([, values]) => values.length > 1).map(([name, values]) => make("fieldset", {}, make("legend", {}, titles[name]), ...values.map((value, code) => make("label", {}, make("input", { type: "checkbox", onchange: (event) => {
    const chosen = (state.filters[name] ??= new Set()); event.target.checked ? chosen.add(code) : chosen.delete(code); show(state.node, true);
  } }), make("bdi", {}, short(value)))))));
  if (innerWidth > 760) $("filters").open = true;
  try { await show(location.hash.slice(1), true); } catch { await show(""); }
}
begin();
