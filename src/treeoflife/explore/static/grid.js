// The grid: only visible cells exist in the document, and their rows are loaded a page at a time.

import { $, ask, bdi, fewDigits, make, short } from "./dom.js";

const PAGE = 120;
const CELL = 168;
const LABEL = 24;
/** Browsers cannot scroll much taller elements. */
const MOST_PIXELS = 12e6;
/** How far a pointer moves before a press becomes a rubber band. */
const DRAG = 8;

export class Grid {
  /**
   * @param query returns the query string of the selection, with further parameters added
   * @param open is called with the position of the cell that is opened
   * @param selected the selected images
   */
  constructor(query, open, selected) {
    Object.assign(this, { query, open, selected, total: 0, focus: 0, turn: 0, version: "", pages: new Map() });
    this.frame = $("grid");
    this.canvas = $("canvas");
    this.frame.addEventListener("scroll", () => requestAnimationFrame(() => this.draw()), { passive: true });
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.frame.addEventListener("pointerdown", (event) => this.press(event));
    addEventListener("resize", () => this.layout());
  }

  /** Show other images, beginning with the first; or, with `stay`, the same ones with what has changed in them. */
  show(total, version, stay = false) {
    Object.assign(this, { total, version, turn: this.turn + 1 });
    this.focus = stay ? Math.max(0, Math.min(total - 1, this.focus)) : 0;
    this.pages.clear();
    if (!stay) this.frame.scrollTop = 0;
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
    const visible = Math.ceil(this.frame.clientHeight / this.high) + 3;
    const first = Math.max(0, top - 1) * this.columns;
    const last = Math.min(this.total, (top + visible) * this.columns);
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

  /** The row, label, verdict, number and new name at a position; null while they are being loaded. */
  at(place) {
    const page = Math.floor(place / PAGE);
    const rows = this.pages.get(page);
    if (!rows) this.load(page);
    return Array.isArray(rows) ? (rows[place % PAGE] ?? null) : null;
  }

  /** The same, once it is loaded and drawn; null if it cannot be. */
  async loaded(place) {
    if (place < 0 || place >= this.total) return null;
    if (!this.at(place)) await this.pages.get(Math.floor(place / PAGE));
    return this.at(place);
  }

  load(page) {
    this.pages.set(page, this.fetched(page));
  }

  async fetched(page) {
    const { turn, pages, version } = this;
    try {
      const found = await ask("api/rows?" + this.query({ offset: page * PAGE, limit: PAGE, version }));
      if (turn !== this.turn) return;
      pages.set(page, found.rows);
      this.draw();
    } catch {
      if (turn === this.turn) pages.delete(page); // the next scroll tries again
    }
  }

  added(at) {
    const found = this.at(at);
    if (!found) return null;
    const [row, label, verdict, value, renamed] = found;
    const side = this.cell - 10;
    const name = short(label) + (verdict ? `, marked ${verdict}` : "") + (renamed ? ` as ${short(renamed)}` : "");
    const cell = make(
      "button",
      { class: "cell", tabindex: at === this.focus ? 0 : -1, "aria-label": name, onclick: (event) => this.click(event, at) },
      make("img", { src: this.image(row), alt: "", width: side, height: side, decoding: "async", draggable: "false" }),
      make("span", { "aria-hidden": "true" }, value == null ? short(label) : `${fewDigits(value)} · ${short(label)}`),
    );
    const pick = make("input", {
      type: "checkbox", class: "pick", tabindex: -1, "aria-label": `Select ${short(label)}`,
      onclick: (event) => this.pick(event, row, at),
    });
    const mark = renamed ? bdi("→ " + short(renamed, 40)) : verdict;
    const badge = verdict && make("b", { class: "badge " + verdict, "aria-hidden": "true" }, mark);
    const one = make("div", { class: "item", "data-at": at, "data-row": row }, cell, pick, badge || null);
    one.style.width = this.cell + "px";
    this.canvas.append(one);
    this.mark(one);
    return one;
  }

  image(row) {
    return `image/${row}?v=${this.version}`;
  }

  /** Show which of the visible images are selected. */
  showSelected() {
    for (const one of this.canvas.children) this.mark(one);
  }

  mark(one) {
    const chosen = this.selected.has(Number(one.dataset.row));
    one.classList.toggle("chosen", chosen);
    one.querySelector(".pick").checked = chosen;
  }

  click(event, at) {
    if (this.dragged) return;
    this.focus = at;
    if (event.shiftKey) this.selected.reach(at, this.version);
    else if (event.ctrlKey || event.metaKey) this.selected.toggle(this.at(at)[0], at);
    else this.open(at);
  }

  pick(event, row, at) {
    this.focus = at;
    if (event.shiftKey) this.selected.reach(at, this.version);
    else this.selected.toggle(row, at);
  }

  /** A press with the mouse that moves becomes a rubber band, which selects what it touches. */
  press(event) {
    this.dragged = false;
    if (event.pointerType !== "mouse" || event.button || event.offsetX > this.frame.clientWidth) return;
    const start = this.point(event);
    const band = make("div", { class: "band" });
    const move = (moved) => {
      const end = this.point(moved);
      if (!this.dragged && Math.hypot(end.x - start.x, end.y - start.y) < DRAG) return;
      if (!this.dragged) this.frame.append(band);
      this.dragged = true;
      const [x, y] = [Math.min(start.x, end.x), Math.min(start.y, end.y)];
      const [width, height] = [Math.abs(end.x - start.x), Math.abs(end.y - start.y)];
      Object.assign(band.style, { left: x + "px", top: y + "px", width: width + "px", height: height + "px" });
    };
    const stop = (stopped) => {
      removeEventListener("pointermove", move);
      if (!this.dragged) return;
      const box = band.getBoundingClientRect();
      band.remove();
      this.selected.add(this.touched(box), !(stopped.shiftKey || stopped.ctrlKey || stopped.metaKey));
      setTimeout(() => (this.dragged = false)); // after the click that ends the press
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop, { once: true });
  }

  point(event) {
    const box = this.frame.getBoundingClientRect();
    return { x: event.clientX - box.left + this.frame.scrollLeft, y: event.clientY - box.top + this.frame.scrollTop };
  }

  touched(box) {
    const meets = (one) => one.left < box.right && one.right > box.left && one.top < box.bottom && one.bottom > box.top;
    const items = [...this.canvas.children].filter((one) => meets(one.getBoundingClientRect()));
    return items.map((one) => Number(one.dataset.row));
  }

  /** Move the focus to a position. */
  focusOn(place) {
    this.focus = Math.max(0, Math.min(this.total - 1, place));
    this.reach(Math.floor(this.focus / this.columns));
    for (const one of this.canvas.children) {
      one.firstChild.tabIndex = Number(one.dataset.at) === this.focus ? 0 : -1;
    }
    this.canvas.querySelector(`[data-at="${this.focus}"] .cell`)?.focus();
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
    if (event.key === "Enter" && !onCell && event.target === this.frame) this.open(this.focus);
    if (event.key === " " && onCell && this.at(this.focus)) {
      event.preventDefault();
      this.selected.toggle(this.at(this.focus)[0], this.focus);
    }
    if (!steps[event.key]) return;
    event.preventDefault();
    if (event.shiftKey) this.selected.from ??= this.focus;
    this.focusOn(onCell ? this.focus + steps[event.key] : this.focus);
    if (event.shiftKey) this.selected.reach(this.focus, this.version);
  }
}
