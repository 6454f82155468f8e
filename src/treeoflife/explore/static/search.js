// The search: a box with a list of names below it, which follows the ARIA pattern for comboboxes.

import { $, ask, make, number, short } from "./dom.js";

const WAIT = 120;

/** Search for names while the user types; `pick` is called with the node of the chosen name. */
export function search(pick) {
  const [box, list] = [$("q"), $("found")];
  let waiting = 0;
  let chosen = -1;

  function choose(one) {
    box.value = "";
    show([]);
    pick(one.node);
  }

  function line(one, at) {
    const kind = one.kind === "common" ? "common name" : one.kind;
    const told = make("small", {}, `${kind}, ${number(one.images)}`);
    const attributes = { role: "option", id: "f" + at, "aria-selected": "false", onclick: () => choose(one) };
    return make("li", attributes, make("bdi", {}, short(one.text)), told);
  }

  function show(found) {
    chosen = -1;
    const typed = box.value.trim() !== "";
    const none = make("li", { role: "option", "aria-selected": "false" }, "No matching name.");
    list.replaceChildren(...(found.length || !typed ? found.map(line) : [none]));
    list.hidden = !typed;
    box.setAttribute("aria-expanded", String(typed));
    box.removeAttribute("aria-activedescendant");
  }

  function move(by) {
    const rows = [...list.children];
    chosen = (chosen + by + rows.length) % rows.length;
    rows.forEach((one, at) => one.setAttribute("aria-selected", String(at === chosen)));
    box.setAttribute("aria-activedescendant", rows[chosen].id);
    rows[chosen].scrollIntoView({ block: "nearest" });
  }

  async function look() {
    const q = box.value;
    const found = q.trim() ? (await ask("api/search?" + new URLSearchParams({ q }))).found : [];
    if (q === box.value) show(found);
  }

  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, WAIT);
  });
  box.addEventListener("keydown", (event) => {
    const rows = list.children;
    if (event.key === "Escape") show([]);
    else if (event.key === "Enter" && rows.length && !list.hidden) rows[Math.max(0, chosen)].click();
    else if (["ArrowDown", "ArrowUp"].includes(event.key) && rows.length) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : chosen < 0 ? 0 : -1);
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) list.hidden = true;
  });
}
