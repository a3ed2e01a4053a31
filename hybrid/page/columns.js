// Words, both, and meaning side by side, with a line from each passage to its place in the next column.

import { make, makeSvg } from "./drawing.js";
import { Cards } from "./hits.js";

const MODES = ["lexical", "hybrid", "dense"];
const EMPTY = { lexical: "No passage has these words", hybrid: "No passage was found", dense: "No passage has a vector" };
const HEADS = { lexical: ["words", "Words", "BM25"], hybrid: ["both", "Both", ""], dense: ["meaning", "Meaning", "sim"] };

/** Three lists of cards with lines between. */
export class Columns {
  constructor(target, onPoint) {
    this.target = target;
    this.lines = makeSvg("svg", { class: "lines", "aria-hidden": "true" });
    this.cards = {};
    this.empty = {};
    this.formula = make("span", { class: "key" });
    const columns = MODES.map((mode) => {
      const [colour, name, key] = HEADS[mode];
      const list = make("ol", { class: "list", "aria-label": `ranked by ${name.toLowerCase()}` });
      this.cards[mode] = new Cards(list, { compact: true, onPoint });
      this.empty[mode] = make("p", { class: "empty" });
      return make("section", { class: `column ${mode}` }, make("h2", { class: colour }, `${name} `, mode === "hybrid" ? this.formula : make("span", { class: "key" }, key)), list, this.empty[mode]);
    });
    target.replaceChildren(this.lines, ...columns);
    new ResizeObserver(() => this.connect()).observe(target);
  }

  /** Show the first hits of each ranking, or that it has none. */
  show(lists, context, formula) {
    this.formula.textContent = formula;
    this.lists = lists;
    for (const mode of MODES) {
      this.cards[mode].show(lists[mode], { ...context, mode, scale: longest(lists[mode], mode) });
      const none = !lists[mode].length && context.pool.came.has(mode);
      this.empty[mode].textContent = none ? `${EMPTY[mode]}${context.filtered ? " under these filters" : ""}.` : "";
    }
    this.connect();
  }

  /** Mark a passage wherever it stands. */
  point(id) {
    for (const mode of MODES) this.cards[mode].point(id);
    for (const line of this.lines.children) line.classList.toggle("pointed", line.dataset.id === id);
  }

  connect() {
    if (!this.lists || this.target.hidden) return;
    const frame = this.target.getBoundingClientRect();
    this.lines.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    this.lines.replaceChildren(...this.join("lexical", "hybrid", "words", frame), ...this.join("hybrid", "dense", "meaning", frame));
  }

  join(left, right, colour, frame) {
    return this.lists[left].flatMap(({ hit }) => {
      const other = this.lists[right].some((one) => one.hit.id === hit.id);
      const from = this.cards[left].find(hit.id), to = this.cards[right].find(hit.id);
      if (!other || !from || !to) return [];
      const a = box(from, frame), b = box(to, frame), middle = (a.right + b.left) / 2;
      return [makeSvg("path", { class: colour, "data-id": hit.id, d: `M${a.right} ${a.y}C${middle} ${a.y} ${middle} ${b.y} ${b.left} ${b.y}` })];
    });
  }
}

/** Give a card's place without what an animation adds for the moment. */
function box(element, frame) {
  const list = element.parentElement.getBoundingClientRect();
  const y = list.top - frame.top + element.offsetTop - element.parentElement.offsetTop + 18;
  return { left: list.left - frame.left, right: list.right - frame.left, y };
}

function longest(ranked, mode) {
  return Math.max(...ranked.map((one) => one.words + Math.max(0, mode === "hybrid" ? one.meaning : one.sim?.value ?? 0)), 1e-9);
}
