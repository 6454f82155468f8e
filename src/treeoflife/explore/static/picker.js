// The choice of a new name: from the names of the dataset and of the authorities, with all ranks.

import { $, ask, bdi, images, make, number, short } from "./dom.js";
import { suggestions } from "./search.js";

let chosen = null;
let use = null;

/** Let the user choose a name for some images; `done` is called with its ranks and its common name. */
export function pickName(count, done) {
  use = done;
  choose(null);
  $("pickerTitle").textContent = `Relabel ${images(count)}`;
  $("name").value = "";
  $("picker").showModal();
  $("name").focus();
}

const called = (one) => [one.genus, one.species].filter(Boolean).join(" ");

/** What a suggestion shows: the name, what tells it from its namesakes, and who knows it. */
function line(one) {
  const name = one.rank === "species" ? called(one) : one[one.rank];
  const above = [one.kingdom, one.class, one.order, one.family].filter((part) => part && part !== name).join(" › ");
  const common = one.common ? ` · ${short(one.common, 40)}` : "";
  const from = one.images ? `${number(one.images)} in ${one.from}` : one.from;
  return [
    make("span", {}, make("bdi", {}, short(name)), common, make("small", { class: "above" }, short(above))),
    make("small", {}, `${one.rank}, ${from}`),
  ];
}

function choose(one) {
  chosen = one;
  $("usePicked").disabled = !one;
  const rows = one
    ? ["kingdom", "phylum", "class", "order", "family", "genus", "species", "common"].map((rank) =>
        make("tr", {}, make("th", { scope: "row" }, rank), make("td", {}, bdi(one[rank] || "—"))),
      )
    : [];
  $("picked").replaceChildren(...rows);
}

suggestions($("name"), $("names"), async (q) => (await ask("api/taxa?" + new URLSearchParams({ q }))).found, line, (one) => {
  $("name").value = one.rank === "species" ? called(one) : one[one.rank];
  choose(one);
  $("usePicked").focus();
});
$("name").addEventListener("input", () => choose(null));
$("picker").addEventListener("close", () => (use = null));
$("cancelPicked").addEventListener("click", () => $("picker").close());
$("usePicked").addEventListener("click", () => {
  const { kingdom, phylum, class: class_, order, family, genus, species, common } = chosen;
  const done = use;
  $("picker").close();
  done({ kingdom, phylum, class: class_, order, family, genus, species, common });
});
