// Verdicts on images by a button or one key, and undoing them.

import { $, ask, images } from "./dom.js";

/** The verdict of each key; the empty one removes a mark. */
const KEYS = { a: "agree", d: "drop", l: "later", u: "" };

const SECONDS_SHOWN = 12;
let fading = 0;

export const me = () => localStorage.getItem("treeoflife-who") || "";

/** Send a request that changes something. */
export function send(path, values) {
  const body = JSON.stringify({ ...values, who: me() });
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

/** Say what was done, for the eye and for a screen reader. */
export function say(text) {
  clearTimeout(fading);
  $("said").textContent = text;
  fading = setTimeout(() => $("said").replaceChildren(), SECONDS_SHOWN * 1000);
}

/**
 * @param target returns what a verdict is for: an object that names the images, or null
 * @param relabel lets the user choose a name for these images
 * @param changed is called once marks have changed, with whether they were the images in focus alone
 */
export function verdicts(target, relabel, changed) {
  let last = Promise.resolve();
  /** One after the other, so that a key which comes early is for the image that the one before it leads to. */
  const inTurn = (work) => (last = last.then(work));

  async function give(verdict, more = {}, wanted = target()) {
    if (!wanted) return say("Select images first.");
    try {
      const done = await send("api/verdicts", { ...wanted.named, verdict, ...more });
      say(`${images(done.images)}: ${verdict || "no mark"}.`);
      await changed(wanted.single);
    } catch (error) {
      say(error.message);
    }
  }

  async function turn(path) {
    try {
      const done = await send(path, {});
      const left = done.skipped ? `; ${done.skipped} that were changed since stay` : "";
      const turned = path === "api/undo" ? "Undone" : "Done again";
      say(done.what ? `${turned}: ${done.what} of ${images(done.images)}${left}.` : `Nothing to ${path.slice(4)}.`);
      await changed(false);
    } catch (error) {
      say(error.message);
    }
  }

  const askName = () => {
    const wanted = target();
    if (wanted) relabel(wanted.count, (names) => inTurn(() => give("relabel", { names }, wanted)));
    else say("Select images first.");
  };
  const undo = () => inTurn(() => turn("api/undo"));
  const redo = () => inTurn(() => turn("api/redo"));
  for (const button of document.querySelectorAll("[data-verdict]")) {
    button.addEventListener("click", () => inTurn(() => give(button.dataset.verdict)));
  }
  $("relabel").addEventListener("click", askName);
  $("undo").addEventListener("click", undo);
  $("redo").addEventListener("click", redo);
  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || document.querySelector("dialog[open]:not(#one)")) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (event.altKey || (control && !["z", "y"].includes(key))) return;
    if (key === "z") event.shiftKey ? redo() : undo();
    else if (key === "y") redo();
    else if (key === "r") askName();
    else if (key in KEYS) inTurn(() => give(KEYS[key]));
    else return;
    event.preventDefault();
  });
}

export const isTyping = (event) => event.target.closest("input:not([type=checkbox]), select, textarea") !== null;
