// Suggestions below a box, which follow the ARIA pattern for comboboxes; and the search for names with them.

import { $, ask, make, number, short } from "./dom.js";

const WAIT = 120;

/**
 * Suggest what is found for the text in a box.
 * @param find returns what is found for a text
 * @param line returns the content of one suggestion
 * @param pick is called with the one that is chosen
 * @param typed is called with the text if Enter is pressed and none is chosen; else the first is picked
 */
export function suggestions(box, list, find, line, pick, typed = null) {
  let waiting = 0;
  let chosen = -1;

  function choose(one) {
    box.value = "";
    show([]);
    pick(one);
  }

  function option(one, at) {
    const attributes = { role: "option", id: list.id + at, "aria-selected": "false", onclick: () => choose(one) };
    return make("li", attributes, ...line(one));
  }

  function show(found) {
    chosen = -1;
    const text = box.value.trim() !== "";
    const none = make("li", { role: "option", "aria-selected": "false", "aria-disabled": "true" }, "No matching name.");
    list.replaceChildren(...(found.length || !text ? found.map(option) : [none]));
    list.hidden = !text;
    box.setAttribute("aria-expanded", String(text));
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
    const found = q.trim() ? await find(q) : [];
    if (q === box.value) show(found);
  }

  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, WAIT);
  });
  box.addEventListener("keydown", (event) => {
    const rows = list.children;
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      list.hidden = true;
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (chosen < 0 && typed) {
        const text = box.value.trim();
        box.value = "";
        show([]);
        typed(text);
      } else if (rows.length && !list.hidden) rows[Math.max(0, chosen)].click();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key) && rows.length) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : chosen < 0 ? 0 : -1);
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) list.hidden = true;
  });
}

/** The search in the header; `pick` is called with the chosen name, `typed` with a text to filter by. */
export function search(pick, typed) {
  const line = (one) => {
    const kind = one.kind === "common" ? "common name" : one.kind;
    const above = one.above && make("small", { class: "above" }, short(one.above));
    return [make("span", {}, make("bdi", {}, short(one.text)), above || null), make("small", {}, `${kind}, ${number(one.images)}`)];
  };
  suggestions($("q"), $("found"), async (q) => (await ask("api/search?" + new URLSearchParams({ q }))).found, line, pick, typed);
}
