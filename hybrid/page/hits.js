// Passages as cards: title, score, text with the question's words marked, and a bar of both parts.

import { arrange, make, mark, number } from "./drawing.js";
import { chooseWindow, findTerms, toUtf16 } from "./words.js";

const WHOLE = 480, PIECE = 340, COMPACT = 150;

/** Cards that stay the same elements from one ranking to the next. */
export class Cards {
  /** `onPoint(id or null)` is called when a card gains or loses attention. */
  constructor(list, { compact = false, onPoint }) {
    this.list = list;
    this.compact = compact;
    this.onPoint = onPoint;
    this.cards = new Map();
  }

  /** Show hits in order; `context` holds terms, pool, λ, mode, the bars' scale, and how a hit can be named elsewhere. */
  show(ranked, context) {
    if (context.pool !== this.pool) this.cards.clear();
    this.pool = context.pool;
    const children = ranked.map((one, place) => {
      if (!this.cards.has(one.hit.id)) this.cards.set(one.hit.id, this.build(one.hit, context));
      const card = this.cards.get(one.hit.id);
      card.update(one, place + 1, context);
      return card.element;
    });
    arrange(this.list, children);
  }

  /** Give the card of a hit, if it is shown. */
  find(id) {
    return this.cards.get(id)?.element;
  }

  /** Mark the card of a hit as pointed at. */
  point(id) {
    for (const [name, { element }] of this.cards) element.classList.toggle("pointed", name === id);
  }

  build(hit, context) {
    const rank = make("span", { class: "rank", "aria-hidden": "true" });
    const score = make("b", { class: "score" });
    const title = hit.title || hit.id;
    const heading = make("h3", { dir: "auto" }, mark(title, findTerms(title, context.terms)));
    const text = make("p", { class: "text", dir: "auto" });
    const parts = buildParts();
    const element = make("li", {
      class: "hit",
      tabindex: "0",
      "data-id": hit.id,
      mouseenter: () => this.onPoint(hit.id),
      mouseleave: () => this.onPoint(null),
      focus: () => this.onPoint(hit.id),
      blur: () => this.onPoint(null),
    }, make("header", {}, rank, heading, score), text, parts.element);
    const whole = writeText(text, hit.text, context.terms, this.compact ? COMPACT : WHOLE, this.compact ? COMPACT : PIECE);
    if (whole) {
      const button = make("button", { type: "button", class: "plain whole", "aria-expanded": "false", click: () => toggle(button, whole) }, "Whole passage");
      element.insertBefore(button, parts.element);
    }
    if (!this.compact) element.append(writeMeta(hit));
    return {
      element,
      update: (one, place, { mode, scale, lambda, pool }) => {
        rank.textContent = place;
        const counted = mode === "dense" ? one.sim?.value ?? 0 : mode === "lexical" ? one.words : one.score;
        score.textContent = number(counted);
        element.setAttribute("aria-posinset", place);
        parts.update(one, { mode, scale, lambda, pool });
      },
    };
  }
}

/** Write the answer to the question, with its place in the passage. */
export function writeAnswer(answer, hit) {
  const start = toUtf16(hit.text, answer.start), end = toUtf16(hit.text, answer.end);
  const [from, to] = chooseWindow(hit.text, [[start, end]], Math.max(PIECE, end - start + 80));
  const piece = hit.text.slice(from, to);
  const sure = answer.confidence === null ? "" : `, ${Math.round(100 * answer.confidence)} % likely`;
  return [
    make("p", { class: "answer-text", dir: "auto" }, answer.text),
    make("blockquote", { dir: "auto" }, from > 0 ? "… " : "", mark(piece, [[Math.max(start - from, 0), Math.min(end - from, piece.length)]], { class: "place" }), to < hit.text.length ? " …" : ""),
    make("p", { class: "source" }, "from ", make("a", { href: "#", "data-goto": hit.id, dir: "auto" }, hit.title || hit.id), sure),
  ];
}

function writeText(target, text, terms, whole, piece) {
  const places = findTerms(text, terms);
  const all = () => mark(text, places);
  if (text.length <= whole) {
    target.append(...all());
    return null;
  }
  const [start, end] = chooseWindow(text, places, piece);
  const inside = places.filter(([from, to]) => from >= start && to <= end).map(([from, to]) => [from - start, to - start]);
  const some = () => [start > 0 ? "… " : "", ...mark(text.slice(start, end), inside), end < text.length ? " …" : ""];
  target.append(...some());
  return (open) => target.replaceChildren(...(open ? all() : some()));
}

function toggle(button, whole) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  button.textContent = open ? "Less" : "Whole passage";
  whole(open);
}

function buildParts() {
  const words = make("i", { class: "words" }), meaning = make("i", { class: "meaning" });
  const told = make("p", { class: "told" });
  return {
    element: make("div", { class: "parts" }, make("div", { class: "bar", "aria-hidden": "true" }, words, meaning), told),
    update: (one, context) => {
      drawBar(words, meaning, one, context);
      told.replaceChildren(...tell(one, context));
    },
  };
}

/** A negative part is drawn as what it takes away from the other one. */
function drawBar(words, meaning, one, { mode, scale }) {
  const share = (value) => `${Math.max(0, Math.min(100, (100 * value) / (scale || 1)))}%`;
  const second = mode === "hybrid" ? one.meaning : one.sim?.value ?? 0;
  words.style.setProperty("width", share(one.words));
  meaning.style.setProperty("width", share(Math.abs(second)));
  meaning.classList.toggle("negative", second < 0);
  meaning.classList.toggle("expected", one.sim?.expected ?? false);
  words.classList.toggle("aside", mode === "dense");
  meaning.classList.toggle("aside", mode === "lexical");
}

function tell(one, { mode, lambda, pool }) {
  const known = one.sim !== null;
  const words = make("span", { class: "words" }, make("span", { class: "key" }, "BM25 "), number(one.words));
  const formula = mode === "hybrid" ? `${number(lambda)} · ${known ? number(one.sim.value) : "?"}` : "sim";
  const value = !known ? "unknown" : mode === "hybrid" ? number(one.meaning) : number(one.sim.value);
  const meaning = make("span", { class: "meaning" }, make("span", { class: "key" }, `${formula} `), value);
  const ranks = mode === "hybrid" ? writeRanks(one.hit.id, pool) : null;
  return [words, mode === "hybrid" ? make("span", { class: "quiet plus" }, "+") : null, meaning,
    one.sim?.expected ? make("span", { class: "quiet" }, "expected: no vector yet") : null, ranks].filter(Boolean);
}

function writeRanks(id, pool) {
  const words = pool.ranks.lexical.get(id), meaning = pool.ranks.dense.get(id);
  const told = [words ? `${ordinal(words)} by words` : "", meaning ? `${ordinal(meaning)} by meaning` : ""].filter(Boolean).join(", ");
  return told ? make("span", { class: "ranks quiet" }, told) : null;
}

function ordinal(rank) {
  const ending = rank % 100 >= 11 && rank % 100 <= 13 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[rank % 10] ?? "th";
  return `${rank}${ending}`;
}

function writeMeta(hit) {
  const entries = Object.entries(hit.meta ?? {}).filter(([, value]) => value !== null && value !== "").slice(0, 6);
  const told = entries.map(([name, value]) => make("span", {}, make("span", { class: "key" }, `${name} `), shorten(typeof value === "object" ? JSON.stringify(value) : String(value))));
  return make("p", { class: "meta", dir: "auto" }, told, make("code", { dir: "ltr" }, shorten(hit.id)));
}

function shorten(text) {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
