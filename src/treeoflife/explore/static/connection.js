// Whether the server is there, and whether the dataset was built again.

import { $, ask } from "./dom.js";

const EVERY = 3000;

/** Look after the server; `rebuilt` is called with the new version once the dataset is another one. */
export function watch(version, rebuilt) {
  let known = version;
  const say = (text) => {
    $("notice").textContent = text;
    $("notice").hidden = !text;
  };

  async function look() {
    try {
      const state = await ask("api/state");
      const building = state.holder && `${state.holder} works on this dataset; the page shows it as it was before.`;
      say(building || state.problem);
      if (state.version !== known) {
        known = state.version;
        await rebuilt(known);
        say("The dataset was built again: this is its new state.");
      }
    } catch (error) {
      say(error.status ? error.message : "The server is gone. The page goes on when it is back.");
    }
    setTimeout(look, EVERY);
  }
  setTimeout(look, EVERY);
}
