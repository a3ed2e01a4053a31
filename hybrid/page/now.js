// What is so at this moment: what a person chose, what the server told, what was found.

import { readState } from "./state.js";

export const now = {
  /** What the address says. */
  state: readState(location.search),
  /** What the server has. */
  about: { indexes: [], answers: false },
  /** The candidates of the question, its terms, and the best without filters. */
  pool: null,
  terms: new Set(),
  unfiltered: null,
  /** The last search, and its milliseconds. */
  asked: null,
  took: null,
};

const NONE = { name: "", lambda: 1.1, sim_prior: { a: 0, b: 0 }, filter_prefix: "" };

/** Give the index that is searched: the one that was chosen, or the first; one without a name where there is none. */
export function index() {
  const { indexes } = now.about, chosen = now.state.index;
  return (chosen ? indexes.find((one) => one.name === chosen) : indexes[0]) ?? NONE;
}

/** Give the λ that counts: the person's, or the index's own. */
export function lambda() {
  return now.state.lambda ?? index().lambda;
}
