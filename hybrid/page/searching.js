// From a question to what was found: three lists, then an answer, and the engine's own ranking once λ rests.

import { askAbout, askAnswer, askSearch } from "./asking.js";
import { busy, byId, notice, trouble } from "./elements.js";
import { index, lambda, now } from "./now.js";
import { Pool } from "./ranking.js";
import { MOST, listIndexes, restore, show, showAnswer } from "./showing.js";
import { writeFilter } from "./state.js";
import { readTerms } from "./words.js";

/** Hits that are asked of each list at least. */
export const DEEP = 50;

let running = new AbortController(), settling = new AbortController();

/** Ask what the server has, and the question that the address holds. */
export async function start() {
  restore();
  busy(1);
  try {
    now.about = await askAbout(running.signal);
    trouble(null);
  } catch (error) {
    if (!running.signal.aborted) trouble(error.message, start);
    return;
  } finally {
    busy(-1);
  }
  listIndexes();
  show();
  if (now.state.question) ask();
}

/** Ask for all three lists anew: the question, the index or a filter has changed. */
export async function ask() {
  if (!index().name) return;
  running.abort();
  settling.abort();
  running = new AbortController();
  const { signal } = running, fresh = new Pool(index().sim_prior);
  const body = { index: index().name, question: now.state.question, k: DEEP };
  const filter = writeFilter(now.state.filters, index().filter_prefix);
  if (filter.length) body.filter = filter;
  now.asked = { ...body, lambda: lambda(), k: now.state.shown };
  byId.results.setAttribute("aria-busy", "true");
  byId.answer.hidden = true;
  trouble(null);
  const take = async (mode, extra = {}) => {
    const answer = await follow(askSearch({ ...body, mode, ...extra }, signal));
    if (signal.aborted) return;
    if (now.pool !== fresh && mode === "hybrid") {
      [now.pool, now.unfiltered] = [fresh, filter.length ? null : answer.hits];
      now.terms = readTerms(now.state.question);
      byId.intro.hidden = true;
    }
    fresh.add(answer, mode);
    if (mode === "hybrid") told(answer);
    if (now.pool === fresh) show();
  };
  const deep = Math.min(MOST, Math.max(DEEP, now.state.shown));
  const main = take("hybrid", { lambda: lambda(), k: deep });
  const sides = [take("lexical"), take("dense")];
  if (filter.length) sides.push(follow(askSearch({ ...body, filter: undefined, mode: "hybrid" }, signal)).then((answer) => {
    if (!signal.aborted) now.unfiltered = answer.hits;
  }));
  const outcomes = await Promise.allSettled([main, ...sides]);
  if (signal.aborted) return;
  byId.results.removeAttribute("aria-busy");
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) trouble(failed.reason.message, ask);
  if (outcomes[0].status !== "fulfilled") return;
  show();
  // Reading takes every core of a small machine, so the lists come first.
  if (now.about.answers) await answerTo(body, signal);
}

/** Let the engine rank once λ rests: a passage outside of the lists so far may have come up. */
export async function settle() {
  settling.abort();
  settling = new AbortController();
  const { signal } = settling, current = now.pool;
  if (!current?.encoded || !now.asked) return;
  now.asked = { ...now.asked, lambda: lambda(), k: now.state.shown };
  try {
    const answer = await follow(askSearch({ ...now.asked, k: Math.min(MOST, Math.max(DEEP, now.state.shown)), mode: "hybrid" }, signal));
    if (signal.aborted || current !== now.pool) return;
    current.add(answer, "hybrid");
    told(answer);
    show();
  } catch (error) {
    if (!signal.aborted) trouble(error.message, settle);
  }
}

async function answerTo(body, signal) {
  try {
    const { answers = [], hits = [] } = await follow(askAnswer({ index: body.index, question: body.question, ...(body.filter && { filter: body.filter }) }, signal));
    if (signal.aborted) return;
    const [best] = answers, hit = best && hits.find((one) => one.id === best.passage_id);
    showAnswer(best, hit);
  } catch (error) {
    if (!signal.aborted) trouble(error.message, ask);
  }
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
  now.took = answer.took_ms;
  const unencoded = answer.mode === "lexical";
  const cut = answer.question_cut ? "The question is long: only its beginning counts as words." : "";
  notice(unencoded ? "The encoder does not answer, so this is a ranking by words alone." : cut);
}
