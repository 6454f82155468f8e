// The list of all marks, with who made them and when.

import { $, ask, bdi, make, number, short } from "./dom.js";
import { me } from "./verdicts.js";

const PAGE = 100;

/** A time as people here write it; what is none, as it is. */
export function localTime(text) {
  const time = new Date(text);
  return isNaN(time) ? text : time.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** The list of marks; `open` opens an image by its id. */
export function marksList(facets, open) {
  let offset = 0;

  function row(mark) {
    const name = [mark.genus, mark.species].filter(Boolean).join(" ") || mark.family || mark.order || "";
    const label = mark.verdict === "relabel" ? `relabel: ${name}` : mark.verdict;
    const opened = () => {
      $("marksDialog").close();
      open(mark.treeoflife_id);
    };
    const image =
      mark.row == null
        ? make("small", {}, "not in the dataset")
        : make(
            "button",
            { class: "bare", "aria-label": `Open ${mark.treeoflife_id}`, onclick: opened },
            make("img", { src: `image/${mark.row}?v=${facets.version}`, alt: "", width: 48, height: 48, loading: "lazy" }),
          );
    const cells = [image, make("b", {}, bdi(short(label))), bdi(mark.who), bdi(localTime(mark.when)), bdi(short(mark.note))];
    return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
  }

  async function more() {
    const found = await ask("api/marks?" + new URLSearchParams({ offset, limit: PAGE, verdict: $("markKind").value }));
    $("markRows").append(...found.marks.map(row));
    offset += found.marks.length;
    $("markCount").textContent = `${number(found.total)} ${found.total === 1 ? "mark" : "marks"}`;
    $("moreMarks").hidden = offset >= found.total;
  }

  async function show() {
    offset = 0;
    $("markRows").replaceChildren();
    await more();
  }

  const called = () => me() || facets.who || "nobody";
  const showList = async () => {
    $("who").value = me() || facets.who;
    $("marksDialog").showModal();
    await show();
  };
  $("me").textContent = short(called(), 30);
  $("marks").addEventListener("click", showList);
  $("me").addEventListener("click", async () => {
    await showList();
    $("who").select();
  });
  $("markKind").addEventListener("change", show);
  $("moreMarks").addEventListener("click", more);
  $("closeMarks").addEventListener("click", () => $("marksDialog").close());
  $("who").addEventListener("change", () => {
    localStorage.setItem("treeoflife-who", $("who").value.trim());
    $("me").textContent = short(called(), 30);
  });
}
