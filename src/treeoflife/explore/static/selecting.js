// Which images are selected: by rows, or all of the result at once.

import { $, ask, images, number } from "./dom.js";
import { query } from "./address.js";

const MOST_IN_RANGE = 5000;
const AT_ONCE = 500;

export class Selected {
  /** @param changed is called after every change */
  constructor(changed) {
    Object.assign(this, { rows: new Set(), all: false, total: 0, from: null, changed });
  }

  get count() {
    return this.all ? this.total : this.rows.size;
  }

  has(row) {
    return this.all || this.rows.has(row);
  }

  /** Select an image, or no longer; the next range begins at its position. */
  toggle(row, place) {
    if (this.all) this.clear();
    else if (!this.rows.delete(row)) this.rows.add(row);
    this.from = place;
    this.tell();
  }

  /** Select some rows in addition, or in place of all others. */
  add(rows, instead = false) {
    if (instead || this.all) this.clear();
    for (const row of rows) this.rows.add(row);
    this.tell();
  }

  /** Select all images from where the last range began to a position. */
  async reach(place, version) {
    const from = this.from ?? place;
    const [first, last] = [Math.min(from, place), Math.max(from, place)];
    for (let offset = first; offset <= Math.min(last, first + MOST_IN_RANGE - 1); offset += AT_ONCE) {
      const limit = Math.min(AT_ONCE, last - offset + 1);
      const found = await ask("api/rows?" + query({ offset, limit, version }));
      this.add(found.rows.map(([row]) => row));
    }
    this.from = from;
  }

  everything(total) {
    Object.assign(this, { all: true, total });
    this.rows.clear();
    this.tell();
  }

  clear() {
    this.rows.clear();
    this.all = false;
    this.tell();
  }

  tell() {
    $("selected").textContent = this.count ? `${images(this.count)} selected` : "nothing selected";
    $("unselect").disabled = !this.count;
    this.changed();
  }

  /** How a request names the selected images. */
  named() {
    return this.all ? { selection: query() } : { rows: [...this.rows] };
  }
}

export const allLabel = (total) => `Select all ${number(total)}`;
