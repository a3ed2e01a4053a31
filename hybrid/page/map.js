// Every candidate as a point: BM25 to the right, sim upwards. All points on a line of slope −1/λ have the same score,
// so moving λ turns the line, and what lies beyond it is what is shown.

import { makeSvg, number } from "./drawing.js";

const WIDTH = 260, HEIGHT = 190, LEFT = 30, RIGHT = 8, TOP = 8, BOTTOM = 24;
/** Digits behind the point for which there is room beside the axis. */
const FINEST = 3;

/** Draw the map; `shown` is how many of the ranked hits are in the list. */
export function drawMap(target, ranked, { pool, lambda, shown, onPoint, onChoose }) {
  const known = ranked.filter((one) => one.sim !== null);
  if (known.length < 2) return target.replaceChildren();
  const frame = measure(known);
  const listed = new Set(ranked.slice(0, shown).map((one) => one.hit.id));
  const last = ranked[Math.min(shown, ranked.length) - 1];
  const points = [...known].reverse().map((one) => makeSvg("circle", {
    cx: frame.x(one.words), cy: frame.y(one.sim.value), r: listed.has(one.hit.id) ? 4 : 2.5,
    class: `${pool.origin(one.hit.id) ?? "both"} ${listed.has(one.hit.id) ? "listed" : "unlisted"} ${one.sim.expected ? "expected" : ""}`,
    "data-id": one.hit.id,
    mouseenter: () => onPoint(one.hit.id), mouseleave: () => onPoint(null), click: () => onChoose(one.hit.id),
  }, makeSvg("title", {}, `${one.hit.title || one.hit.id}\nBM25 ${number(one.words)}, sim ${number(one.sim.value)}, score ${number(one.score)}`)));
  const label = `${known.length} candidates by BM25 and sim; the first ${listed.size} lie beyond the line BM25 + ${number(lambda)} · sim = ${number(last.score)}.`;
  target.replaceChildren(makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    ...drawAxes(frame), drawBeyond(frame, lambda, last.score), drawLine(frame, lambda, last.score), ...points));
}

/** Mark the point of a hit. */
export function pointOnMap(target, id) {
  for (const point of target.querySelectorAll("circle")) point.classList.toggle("pointed", point.dataset.id === id);
}

function measure(known) {
  const right = Math.max(1, ...known.map((one) => one.words)) * 1.04;
  const sims = known.map((one) => one.sim.value);
  const low = Math.min(...sims), high = Math.max(...sims), room = (high - low || 1) * 0.06;
  const bottom = low - room, top = high + room;
  return {
    right, bottom, top,
    x: (value) => LEFT + ((WIDTH - LEFT - RIGHT) * value) / right,
    y: (value) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (value - bottom)) / (top - bottom),
  };
}

/** Give the two ends of the line BM25 + λ · sim = score; it is cut off at the frame. */
function ends(frame, lambda, score) {
  if (lambda * (frame.top - frame.bottom) < frame.right * 1e-6) return [[score, frame.bottom], [score, frame.top]];
  const words = (sim) => score - lambda * sim, sim = (value) => (score - value) / lambda;
  const upper = words(frame.top) >= 0 ? [words(frame.top), frame.top] : [0, sim(0)];
  const lower = words(frame.bottom) <= frame.right ? [words(frame.bottom), frame.bottom] : [frame.right, sim(frame.right)];
  return [lower, upper];
}

function drawLine(frame, lambda, score) {
  const [lower, upper] = ends(frame, lambda, score);
  return makeSvg("line", { class: "edge", x1: frame.x(lower[0]), y1: frame.y(lower[1]), x2: frame.x(upper[0]), y2: frame.y(upper[1]) });
}

function drawBeyond(frame, lambda, score) {
  const [lower, upper] = ends(frame, lambda, score);
  const corners = [upper, ...(upper[1] < frame.top ? [[0, frame.top]] : []), [frame.right, frame.top], ...(lower[0] < frame.right ? [[frame.right, frame.bottom]] : []), lower];
  return makeSvg("polygon", { class: "beyond", points: corners.map(([a, b]) => `${frame.x(a)},${frame.y(b)}`).join(" ") });
}

function drawAxes(frame) {
  const [x0, y0, x1, y1] = [LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, TOP];
  const text = (attributes, words) => makeSvg("text", attributes, words);
  return [
    makeSvg("path", { class: "axis", d: `M${x0} ${y1}V${y0}H${x1}` }),
    text({ class: "words", x: x1, y: HEIGHT - 6, "text-anchor": "end" }, "BM25 →"),
    text({ class: "meaning", x: -TOP, y: 9, transform: "rotate(-90)", "text-anchor": "end" }, "sim →"),
    text({ x: x0, y: HEIGHT - 10, "text-anchor": "middle" }, "0"),
    text({ x: x0 - 4, y: y1 + 6, "text-anchor": "end" }, writeEnd(frame.top, frame)),
    text({ x: x0 - 4, y: y0, "text-anchor": "end" }, writeEnd(frame.bottom, frame)),
  ];
}

/** Write an end of the axis of sim with as many digits as tell it from the other end. */
function writeEnd(value, { top, bottom }) {
  const last = Math.floor(Math.log10(top - bottom));
  if (last >= -FINEST) return number(value, Math.max(0, -last));
  const first = Math.floor(Math.log10(Math.max(Math.abs(top), Math.abs(bottom))));
  return value.toExponential(Math.max(0, first - last)).replaceAll("-", "−");
}
