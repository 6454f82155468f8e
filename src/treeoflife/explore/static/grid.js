// The grid: only visible cells exist in the document, and their rows are loaded a page at a time.

import { $, ask, make, short } from "./dom.js";

const PAGE = 120;
const CELL = 168;
const LABEL = 22;
/** Browsers cannot scroll much taller elements. */
const MOST_PIXELS = 12e6;

export class Grid {
  /**
   * @param query returns the query string of the node and filters, with further parameters added
   * @param open is called with the position of the cell that is opened
   */
  constructor(query, open) {
    Object.assign(this, { query, open, total: 0, focus: 0, turn: 0, pages: new Map() });
    this.frame = $("grid");
    this.canvas = $("canvas");
    this.frame.addEventListener("scroll", () => requestAnimationFrame(() => this.draw()), { passive: true });
    this.frame.addEventListener("keydown", (event) => this.key(event));
    addEventListener("resize", () => this.layout());
  }

  /** Show other images, beginning with the first. */
  show(total) {
    Object.assign(this, { total, focus: 0, turn: this.turn + 1 });
    this.pages.clear();
    this.frame.scrollTop = 0;
    this.layout();
  }

  layout() {
    const wide = this.frame.clientWidth;
    this.columns = Math.max(2, Math.floor(wide / CELL));
    this.cell = Math.floor(wide / this.columns);
    this.high = this.cell + LABEL;
    this.rows = Math.ceil(this.total / this.columns);
    this.stretched = this.rows * this.high > MOST_PIXELS;
    this.canvas.style.height = Math.min(this.rows * this.high, MOST_PIXELS) + "px";
    this.canvas.replaceChildren();
    this.draw();
  }

  /** The row at the top. If the canvas cannot be tall enough, it is computed from how far the bar is scrolled. */
  top() {
    const { frame, high, rows } = this;
    if (!this.stretched) return Math.floor(frame.scrollTop / high);
    const share = frame.scrollTop / Math.max(1, MOST_PIXELS - frame.clientHeight);
    return Math.round(share * Math.max(0, rows - Math.floor(frame.clientHeight / high)));
  }

  /** Scroll a row into view. */
  reach(row) {
    const { frame, high, rows } = this;
    const seen = Math.floor(frame.clientHeight / high);
    if (this.stretched) {
      const top = this.top();
      if (row >= top && row < top + seen) return;
      frame.scrollTop = (row / Math.max(1, rows - seen)) * (MOST_PIXELS - frame.clientHeight);
    } else if (row * high < frame.scrollTop) frame.scrollTop = row * high;
    else if ((row + 1) * high > frame.scrollTop + frame.clientHeight)
      frame.scrollTop = (row + 1) * high - frame.clientHeight;
    this.draw();
  }

  draw() {
    const top = this.top();
    const shown = Math.ceil(this.frame.clientHeight / this.high) + 3;
    const first = Math.max(0, top - 1) * this.columns;
    const last = Math.min(this.total, (top + shown) * this.columns);
    const base = this.stretched ? this.frame.scrollTop - top * this.high : 0;
    const there = new Map([...this.canvas.children].map((one) => [Number(one.dataset.at), one]));
    for (const [at, one] of there) if (at < first || at >= last) one.remove();
    for (let at = first; at < last; at++) {
      const one = there.get(at) ?? this.added(at);
      if (!one) continue;
      const [x, y] = [(at % this.columns) * this.cell, base + Math.floor(at / this.columns) * this.high];
      one.style.transform = `translate(${x}px,${y}px)`;
    }
  }

  /** The row and label at a position; null while they are being loaded. */
  at(place) {
    const page = Math.floor(place / PAGE);
    const rows = this.pages.get(page);
    if (!rows) this.load(page);
    return Array.isArray(rows) ? (rows[place % PAGE] ?? null) : null;
  }

  async load(page) {
    const { turn, pages } = this;
    pages.set(page, "asked");
    try {
      const found = await ask("api/rows?" + this.query({ offset: page * PAGE, limit: PAGE }));
      if (turn === this.turn) pages.set(page, found.rows);
    } catch {
      if (turn === this.turn) pages.delete(page); // the next scroll tries again
      return;
    }
    if (turn === this.turn) this.draw();
  }

  added(at) {
    const found = this.at(at);
    if (!found) return null;
    const [row, label] = found;
    const side = this.cell - 10;
    const one = make(
      "button",
      {
        class: "cell",
        "data-at": at,
        "data-row": row,
        tabindex: at === this.focus ? 0 : -1,
        "aria-label": short(label),
        onclick: () => this.open((this.focus = at)),
      },
      make("img", { src: "image/" + row, alt: "", width: side, height: side, decoding: "async" }),
      make("span", { "aria-hidden": "true" }, short(label)),
    );
    one.style.width = this.cell + "px";
    this.canvas.append(one);
    return one;
  }

  /** Move the focus to a position. */
  focusOn(place) {
    this.focus = Math.max(0, Math.min(this.total - 1, place));
    this.reach(Math.floor(this.focus / this.columns));
    for (const one of this.canvas.children) one.tabIndex = Number(one.dataset.at) === this.focus ? 0 : -1;
    this.canvas.querySelector(`[data-at="${this.focus}"]`)?.focus();
  }

  key(event) {
    const page = this.columns * Math.max(1, Math.floor(this.frame.clientHeight / this.high));
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.columns,
      ArrowUp: -this.columns,
      PageDown: page,
      PageUp: -page,
      Home: -this.total,
      End: this.total,
    };
    const onCell = event.target.classList.contains("cell");
    if (event.key === "Enter" && !onCell) this.canvas.querySelector(`[data-at="${this.focus}"]`)?.click();
    if (!steps[event.key]) return;
    event.preventDefault();
    this.focusOn(onCell ? this.focus + steps[event.key] : this.focus);
  }
}
