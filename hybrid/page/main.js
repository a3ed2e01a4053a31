// The page: what is asked, and what is shown of the answers.

import { askAbout, askAnswer, askSearch } from "./asking.js";
import { Columns } from "./columns.js";
import { number } from "./drawing.js";
import { countFacets } from "./facets.js";
import { Cards, writeAnswer } from "./hits.js";
import { listen, moveFocus } from "./keys.js";
import { drawMap, pointOnMap } from "./map.js";
import { showFacets, showIndexes, showRequest } from "./panels.js";
import { Pool } from "./ranking.js";
import { PAGE, readState, writeFilter, writeState } from "./state.js";
import { readTerms } from "./words.js";

const DEEP = 50, MOST = 100, STEP = 0.05, STILL = 200;
const element = (id) => document.getElementById(id);
const byId = Object.fromEntries(["search", "question", "index", "size", "weight", "lambda", "reset", "default", "trouble", "notice", "aside", "map",
  "facets", "results", "summary", "answer", "list", "columns", "more", "request", "intro"].map((id) => [id, element(id)]));
const progress = document.querySelector(".progress");

let state = readState(location.search);
let about = { indexes: [], answers: false };
let pool = null, terms = new Set(), unfiltered = null, took = null, asked = null;
let running = new AbortController(), settling = new AbortController(), timer = 0;

const cards = new Cards(byId.list, { onPoint: point });
const columns = new Columns(byId.columns, point);

function index() {
  return about.indexes.find((one) => one.name === state.index) ?? about.indexes[0] ?? { name: "", lambda: 1.1, sim_prior: { a: 0, b: 0 }, filter_prefix: "" };
}

function lambda() {
  return state.lambda ?? index().lambda;
}

// Asking

async function start() {
  restore();
  busy(1);
  try {
    about = await askAbout(running.signal);
    trouble(null);
  } catch (error) {
    if (!running.signal.aborted) trouble(error.message, start);
    return;
  } finally {
    busy(-1);
  }
  listIndexes();
  show();
  if (state.question) ask();
}

/** Ask for all three lists anew: the question, the index or a filter has changed. */
async function ask() {
  running.abort();
  settling.abort();
  running = new AbortController();
  const { signal } = running, fresh = new Pool(index().sim_prior);
  const body = { index: index().name, question: state.question, k: DEEP };
  const filter = writeFilter(state.filters, index().filter_prefix);
  if (filter.length) body.filter = filter;
  asked = { ...body, lambda: lambda(), k: state.shown };
  results.setAttribute("aria-busy", "true");
  byId.answer.hidden = true;
  trouble(null);
  const take = async (mode, extra = {}) => {
    const answer = await follow(askSearch({ ...body, mode, ...extra }, signal));
    if (signal.aborted) return;
    if (pool !== fresh && mode === "hybrid") {
      [pool, unfiltered] = [fresh, filter.length ? null : answer.hits];
      terms = readTerms(state.question);
      byId.intro.hidden = true;
    }
    fresh.add(answer, mode);
    if (mode === "hybrid") told(answer);
    if (pool === fresh) show();
  };
  const deep = Math.min(MOST, Math.max(DEEP, state.shown));
  const main = take("hybrid", { lambda: lambda(), k: deep });
  const sides = [take("lexical"), take("dense")];
  if (filter.length) sides.push(follow(askSearch({ ...body, filter: undefined, mode: "hybrid" }, signal)).then((answer) => {
    if (!signal.aborted) unfiltered = answer.hits;
  }));
  if (about.answers) sides.push(answerTo(body, signal));
  const outcomes = await Promise.allSettled([main, ...sides]);
  if (signal.aborted) return;
  results.removeAttribute("aria-busy");
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) trouble(failed.reason.message, ask);
  if (outcomes[0].status === "fulfilled") show();
}

/** Let the engine rank once λ rests: a passage outside of the lists so far may have come up. */
async function settle() {
  settling.abort();
  settling = new AbortController();
  const { signal } = settling, current = pool;
  if (!current?.encoded || !asked) return;
  asked = { ...asked, lambda: lambda(), k: state.shown };
  try {
    const answer = await follow(askSearch({ ...asked, k: Math.min(MOST, Math.max(DEEP, state.shown)), mode: "hybrid" }, signal));
    if (signal.aborted || current !== pool) return;
    current.add(answer, "hybrid");
    told(answer);
    show();
  } catch (error) {
    if (!signal.aborted) trouble(error.message, settle);
  }
}

async function answerTo(body, signal) {
  const { answers = [], hits = [] } = await follow(askAnswer({ index: body.index, question: body.question, ...(body.filter && { filter: body.filter }) }, signal));
  if (signal.aborted) return;
  const [best] = answers, hit = best && hits.find((one) => one.id === best.passage_id);
  byId.answer.replaceChildren(...(hit ? writeAnswer(best, hit) : []));
  byId.answer.hidden = !hit;
}

async function follow(promise) {
  busy(1);
  try {
    return await promise;
  } finally {
    busy(-1);
  }
}

function told(answer) {
  took = answer.took_ms;
  const unencoded = answer.mode === "lexical";
  const cut = answer.question_cut ? "The question is long: only its beginning counts as words." : "";
  notice(unencoded ? "The encoder does not answer, so this is a ranking by words alone." : cut);
}

// Showing

/** Show a state that comes from an address. */
function restore() {
  byId.question.value = state.question;
  grow();
  show();
}

function show() {
  const weight = lambda();
  byId.lambda.max = String(Math.max(3, weight, index().lambda));
  byId.lambda.value = String(weight);
  byId.lambda.setAttribute("aria-valuetext", `λ ${number(weight)}`);
  byId.lambda.style.setProperty("--at", `${(100 * weight) / Number(byId.lambda.max)}%`);
  byId.lambda.style.setProperty("--own", `${(100 * index().lambda) / Number(byId.lambda.max)}%`);
  byId.weight.textContent = number(weight);
  byId.reset.hidden = state.lambda === null || state.lambda === index().lambda;
  byId.default.textContent = number(index().lambda);
  for (const radio of document.querySelectorAll('[name="view"]')) radio.checked = radio.value === state.view;
  document.title = state.question ? `${state.question.slice(0, 60)} · hybrid` : "hybrid";
  if (pool) showRanking(weight);
}

function showRanking(weight) {
  const ranked = pool.rank(weight), listed = ranked.slice(0, state.shown);
  const longest = Math.max(...listed.map((one) => one.words + Math.max(0, one.meaning)), 1e-9);
  const context = { pool, terms, lambda: weight, mode: pool.encoded ? "hybrid" : "lexical", scale: longest };
  const side = state.view === "columns";
  byId.list.hidden = side;
  byId.columns.hidden = !side;
  if (side) columns.show({ hybrid: ranked.slice(0, PAGE), lexical: list("lexical", weight), dense: list("dense", weight) }, context, `BM25 + ${number(weight)} · sim`);
  else cards.show(listed, context);
  byId.summary.textContent = summarize(listed.length);
  byId.more.hidden = side || listed.length < state.shown || state.shown >= MOST;
  byId.aside.hidden = !ranked.length && !state.filters.size;
  drawMap(byId.map, ranked, { pool, lambda: weight, shown: side ? PAGE : state.shown, onPoint: point, onChoose: goTo });
  const hits = unfiltered ?? ranked.map((one) => one.hit);
  showFacets(byId.facets, countFacets(hits, state.filters, index().filterable ?? null), hits.length, choose);
  showRequest(byId.request, { ...asked, lambda: Number(weight.toFixed(4)), k: state.shown });
}

function list(mode, weight) {
  return pool.side(mode).slice(0, PAGE).map((hit) => ({ hit, ...pool.parts(hit, weight) }));
}

function summarize(count) {
  if (!count) return state.filters.size ? "Nothing was found under these filters." : "Nothing was found.";
  const time = took === null ? "" : `, ${took < 10 ? took.toFixed(1) : Math.round(took)} ms`;
  return `The best ${count} of ${pool.hits.size} candidates at λ ${number(lambda())}${time}`;
}

function listIndexes() {
  if (state.index && !about.indexes.some((one) => one.name === state.index)) {
    notice(`No index is called ${state.index} here.`);
    state.index = "";
  }
  showIndexes(byId.index, byId.size, about.indexes, index());
  if (index().trouble) notice(`${index().name}: ${index().trouble}`);
}

function busy(change) {
  progress.dataset.count = String(Number(progress.dataset.count ?? 0) + change);
}

function trouble(message, again) {
  byId.trouble.hidden = message === null;
  byId.trouble.querySelector("p").textContent = message ?? "";
  byId.trouble.querySelector("button").onclick = () => again();
}

function notice(text) {
  byId.notice.textContent = text;
  byId.notice.hidden = !text;
}

function point(id) {
  cards.point(id);
  columns.point(id);
  pointOnMap(byId.map, id);
}

function goTo(id) {
  const card = document.querySelector(`#results [data-id="${CSS.escape(id)}"]`);
  card?.scrollIntoView({ block: "center", behavior: "smooth" });
  card?.focus({ preventScroll: true });
}

// What a person does

function remember(replace = false) {
  const address = location.pathname + writeState(state);
  history[replace ? "replaceState" : "pushState"](null, "", address);
}

function search() {
  const question = byId.question.value.trim();
  if (!question) return byId.question.focus();
  state = { ...state, question, shown: PAGE, filters: question === state.question ? state.filters : new Map() };
  remember();
  ask();
}

function choose(field, value) {
  const values = state.filters.get(field) ?? [], key = JSON.stringify(value);
  const left = values.filter((one) => JSON.stringify(one) !== key);
  const filters = new Map(state.filters).set(field, left.length < values.length ? left : [...values, value]);
  if (!filters.get(field).length) filters.delete(field);
  state = { ...state, filters, shown: PAGE };
  remember();
  ask();
}

function weigh(value) {
  state = { ...state, lambda: value };
  requestAnimationFrame(show);
  clearTimeout(timer);
  timer = setTimeout(() => {
    remember(true);
    settle();
  }, STILL);
}

function look(view) {
  state = { ...state, view };
  remember(true);
  show();
}

function grow() {
  const area = byId.question;
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, 180)}px`;
}

function round(value) {
  return Math.round(value / STEP) * STEP;
}

const results = byId.results;
byId.search.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
byId.question.addEventListener("input", grow);
byId.question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  search();
});
byId.lambda.addEventListener("input", () => weigh(Number(byId.lambda.value)));
byId.reset.addEventListener("click", () => {
  weigh(null);
  byId.lambda.focus();
});
byId.index.addEventListener("change", () => {
  state = { ...state, index: byId.index.value, filters: new Map(), lambda: null };
  remember();
  listIndexes();
  show();
  if (state.question) ask();
});
for (const radio of document.querySelectorAll('[name="view"]')) radio.addEventListener("change", () => look(radio.value));
byId.more.addEventListener("click", () => {
  state = { ...state, shown: Math.min(MOST, state.shown + PAGE) };
  remember(true);
  show();
  if (state.shown > DEEP) settle();
});
byId.answer.addEventListener("click", (event) => {
  const link = event.target.closest("[data-goto]");
  if (!link) return;
  event.preventDefault();
  goTo(link.dataset.goto);
});
listen(byId.question, {
  weigh: (steps) => weigh(Math.max(0, round(lambda() + steps * STEP))),
  look: () => look(state.view === "list" ? "columns" : "list"),
  move: (step) => pool && moveFocus(results, byId.question, step),
});
addEventListener("popstate", () => {
  state = readState(location.search);
  listIndexes();
  if (!state.question) return location.reload();
  restore();
  ask();
});
matchMedia("(max-width: 860px)").addEventListener("change", fold);
function fold() {
  const narrow = matchMedia("(max-width: 860px)").matches;
  for (const details of byId.aside.querySelectorAll("details")) details.open = !narrow;
}
fold();
start();
