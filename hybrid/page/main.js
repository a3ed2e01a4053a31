// The page: what a person does, and what follows from it.

import { byId, grow } from "./elements.js";
import { listen, moveFocus } from "./keys.js";
import { index, lambda, now } from "./now.js";
import { DEEP, ask, settle, start } from "./searching.js";
import { MOST, goTo, listIndexes, onChoose, restore, show } from "./showing.js";
import { PAGE, readState, writeState } from "./state.js";

const STEP = 0.05, STILL = 200;
let timer = 0;

function remember(replace = false) {
  const address = location.pathname + writeState(now.state);
  history[replace ? "replaceState" : "pushState"](null, "", address);
}

function search() {
  const question = byId.question.value.trim();
  if (!question) return byId.question.focus();
  now.state = { ...now.state, question, shown: PAGE, filters: question === now.state.question ? now.state.filters : new Map() };
  remember();
  ask();
}

function choose(field, value) {
  const values = now.state.filters.get(field) ?? [], key = JSON.stringify(value);
  const left = values.filter((one) => JSON.stringify(one) !== key);
  const filters = new Map(now.state.filters).set(field, left.length < values.length ? left : [...values, value]);
  if (!filters.get(field).length) filters.delete(field);
  now.state = { ...now.state, filters, shown: PAGE };
  remember();
  ask();
}

function weigh(value) {
  now.state = { ...now.state, lambda: value };
  requestAnimationFrame(show);
  clearTimeout(timer);
  timer = setTimeout(() => {
    remember(true);
    settle();
  }, STILL);
}

function look(view) {
  now.state = { ...now.state, view };
  remember(true);
  show();
}

function round(value) {
  return Math.round(value / STEP) * STEP;
}

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
  now.state = { ...now.state, index: byId.index.value, filters: new Map(), lambda: null };
  remember();
  listIndexes();
  show();
  if (now.state.question) ask();
});
for (const radio of document.querySelectorAll('[name="view"]')) radio.addEventListener("change", () => look(radio.value));
byId.more.addEventListener("click", () => {
  now.state = { ...now.state, shown: Math.min(MOST, now.state.shown + PAGE) };
  remember(true);
  show();
  if (now.state.shown > DEEP) settle();
});
byId.answer.addEventListener("click", (event) => {
  const link = event.target.closest("[data-goto]");
  if (!link) return;
  event.preventDefault();
  goTo(link.dataset.goto);
});
listen(byId.question, {
  weigh: (steps) => weigh(Math.max(0, round(lambda() + steps * STEP))),
  look: () => look(now.state.view === "list" ? "columns" : "list"),
  move: (step) => now.pool && moveFocus(byId.results, byId.question, step),
});
addEventListener("popstate", () => {
  now.state = readState(location.search);
  listIndexes();
  if (!now.state.question || !index().name) return location.reload();
  restore();
  ask();
});
matchMedia("(max-width: 860px)").addEventListener("change", fold);
function fold() {
  const narrow = matchMedia("(max-width: 860px)").matches;
  for (const details of byId.aside.querySelectorAll("details")) details.open = !narrow;
}
onChoose(choose);
fold();
start();
