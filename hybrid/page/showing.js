// What is shown: the ranking at the λ of the moment, the map, the filters.

import { Columns } from "./columns.js";
import { make, number } from "./drawing.js";
import { byId, grow, notice } from "./elements.js";
import { countFacets } from "./facets.js";
import { Cards, writeAnswer } from "./hits.js";
import { drawMap, pointOnMap } from "./map.js";
import { index, lambda, now } from "./now.js";
import { showFacets, showIndexes, showRequest } from "./panels.js";
import { PAGE, writeState } from "./state.js";

/** The most passages that are listed. */
export const MOST = 100;

const cards = new Cards(byId.list, { onPoint: point });
const columns = new Columns(byId.columns, point);
let choose = () => {};

/** Say what happens when a value of metadata is chosen or left. */
export function onChoose(action) {
  choose = action;
}

/** Show a state that comes from an address. */
export function restore() {
  byId.question.value = now.state.question;
  grow();
  show();
}

/** Show everything at the λ of the moment. */
export function show() {
  const weight = lambda();
  byId.lambda.max = String(Math.max(3, weight, index().lambda));
  byId.lambda.value = String(weight);
  byId.lambda.setAttribute("aria-valuetext", `λ ${number(weight)}`);
  byId.lambda.style.setProperty("--at", `${(100 * weight) / Number(byId.lambda.max)}%`);
  byId.lambda.style.setProperty("--own", `${(100 * index().lambda) / Number(byId.lambda.max)}%`);
  byId.weight.textContent = number(weight);
  byId.reset.hidden = now.state.lambda === null || now.state.lambda === index().lambda;
  byId.default.textContent = number(index().lambda);
  for (const radio of document.querySelectorAll('[name="view"]')) radio.checked = radio.value === now.state.view;
  document.title = now.state.question ? `${now.state.question.slice(0, 60)} · hybrid` : "hybrid";
  if (now.pool) showRanking(weight);
}

/** Show an answer with its place in a passage; without one, none. */
export function showAnswer(answer, hit) {
  byId.answer.replaceChildren(...(hit ? writeAnswer(answer, hit) : []));
  byId.answer.hidden = !hit;
}

function showRanking(weight) {
  const ranked = now.pool.rank(weight), listed = ranked.slice(0, now.state.shown);
  const longest = Math.max(...listed.map((one) => one.words + Math.max(0, one.meaning)), 1e-9);
  const context = { pool: now.pool, terms: now.terms, lambda: weight, mode: now.pool.encoded ? "hybrid" : "lexical", scale: longest, filtered: now.state.filters.size > 0 };
  const side = now.state.view === "columns";
  byId.list.hidden = side;
  byId.columns.hidden = !side;
  if (side) columns.show({ hybrid: ranked.slice(0, PAGE), lexical: list("lexical", weight), dense: list("dense", weight) }, context, `BM25 + ${number(weight)} · sim`);
  else cards.show(listed, context);
  byId.summary.textContent = summarize(listed.length);
  byId.more.hidden = side || listed.length < now.state.shown || now.state.shown >= MOST;
  byId.aside.hidden = !ranked.length && !now.state.filters.size;
  drawMap(byId.map, ranked, { pool: now.pool, lambda: weight, shown: side ? PAGE : now.state.shown, onPoint: point, onChoose: goTo });
  const hits = now.unfiltered ?? ranked.map((one) => one.hit);
  showFacets(byId.facets, countFacets(hits, now.state.filters, index().filterable ?? null), hits.length, choose);
  showRequest(byId.request, { ...now.asked, lambda: Number(weight.toFixed(4)), k: now.state.shown });
}

function list(mode, weight) {
  return now.pool.side(mode).slice(0, PAGE).map((hit) => ({ hit, ...now.pool.parts(hit, weight) }));
}

function summarize(count) {
  if (!count) return now.state.filters.size ? "Nothing was found under these filters." : "Nothing was found.";
  const time = now.took === null ? "" : `, ${now.took < 10 ? now.took.toFixed(1) : Math.round(now.took)} ms`;
  return `The best ${count} of ${now.pool.hits.size} candidates at λ ${number(lambda())}${time}`;
}

/** Show which indexes there are, and lead from one that is not there to those that are. */
export function listIndexes() {
  const { name, trouble } = index(), missing = now.state.index && !name;
  if (missing) notice(`No index is called ${now.state.index} here; there are: `, ...now.about.indexes.flatMap(linkTo));
  else notice(trouble ? `${name}: ${trouble}` : "");
  showIndexes(byId.index, byId.size, now.about.indexes, index());
}

function linkTo({ name }, place) {
  const state = { ...now.state, index: name, filters: new Map(), lambda: null };
  return [place ? ", " : "", make("a", { href: writeState(state), dir: "auto" }, name)];
}

function point(id) {
  cards.point(id);
  columns.point(id);
  pointOnMap(byId.map, id);
}

/** Bring a passage of the list into view. */
export function goTo(id) {
  const card = document.querySelector(`#results [data-id="${CSS.escape(id)}"]`);
  card?.scrollIntoView({ block: "center", behavior: "smooth" });
  card?.focus({ preventScroll: true });
}
