// What a link restores: question, index, λ, view, filters, and how many passages are shown.
// Pure.

export const PAGE = 10;
export const VIEWS = ["list", "columns"];
const FIELD = "m.";

/** Give the state that nothing was said about; λ null is the index's own. */
export function emptyState() {
  return { question: "", index: "", lambda: null, view: "list", shown: PAGE, filters: new Map() };
}

/** Read a state from the query of an address; what cannot be read is left as it is by default. */
export function readState(query) {
  const given = new URLSearchParams(query), state = emptyState();
  state.question = given.get("q") ?? "";
  state.index = given.get("index") ?? "";
  const lambda = given.get("lambda");
  if (lambda !== null && lambda.trim() !== "" && Number.isFinite(Number(lambda)) && Number(lambda) >= 0) state.lambda = Number(lambda);
  if (VIEWS.includes(given.get("view"))) state.view = given.get("view");
  const shown = Number(given.get("shown"));
  if (Number.isInteger(shown) && shown >= PAGE && shown <= 100) state.shown = shown;
  for (const [name, text] of given) {
    if (!name.startsWith(FIELD) || name === FIELD) continue;
    const field = name.slice(FIELD.length);
    state.filters.set(field, [...(state.filters.get(field) ?? []), readValue(text)]);
  }
  return state;
}

/** Write a state as the query of an address. */
export function writeState(state) {
  const query = new URLSearchParams();
  if (state.question) query.set("q", state.question);
  if (state.index) query.set("index", state.index);
  if (state.lambda !== null) query.set("lambda", String(state.lambda));
  if (state.view !== "list") query.set("view", state.view);
  if (state.shown !== PAGE) query.set("shown", String(state.shown));
  for (const [field, values] of state.filters) for (const value of values) query.append(FIELD + field, writeValue(value));
  const text = query.toString();
  return text ? `?${text}` : "";
}

/** Write the clauses that a search is filtered by: any value of a field, and all fields; `prefix` says where they are. */
export function writeFilter(filters, prefix) {
  return [...filters].filter(([, values]) => values.length).map(([field, values]) =>
    values.length === 1 ? { term: { [prefix + field]: values[0] } } : { terms: { [prefix + field]: values } });
}

// A string that looks like a number or a truth value is written in quotes, so that its kind survives.
function writeValue(value) {
  if (typeof value !== "string") return String(value);
  return readValue(value) === value ? value : JSON.stringify(value);
}

function readValue(text) {
  if (!/^(true|false|-?\d+(\.\d+)?(e[+-]?\d+)?|".*")$/su.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
