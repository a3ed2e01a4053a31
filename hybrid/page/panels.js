// What stands beside the list: filters, the search as a request, the choice of indexes.

import { make } from "./drawing.js";

/** Show facets as boxes to be ticked; the one that has the focus keeps it. */
export function showFacets(panel, facets, count, onChoose) {
  panel.hidden = !facets.length;
  const focus = document.activeElement?.dataset?.facet;
  const groups = facets.map(({ field, values }) => make("fieldset", {}, make("legend", {}, field), values.map(({ value, count: number, chosen }) => {
    const box = make("input", { type: "checkbox", checked: chosen, "data-facet": `${field}=${JSON.stringify(value)}`, change: () => onChoose(field, value) });
    const hint = `of the best ${count} without filters`;
    return make("label", {}, box, make("span", { dir: "auto" }, String(value)), make("span", { class: "count", title: hint }, String(number)));
  })));
  panel.querySelector("div").replaceChildren(...groups);
  if (focus) [...panel.querySelectorAll("input")].find((box) => box.dataset.facet === focus)?.focus({ preventScroll: true });
}

/** Show a search as a command that can be copied. */
export function showRequest(panel, body) {
  const address = new URL("v1/search", location.href);
  const text = JSON.stringify(body).replaceAll("'", "'\\''");
  panel.querySelector("pre").textContent = `curl ${address.origin}${address.pathname} \\\n  -H 'content-type: application/json' \\\n  -d '${text}'`;
  panel.hidden = false;
}

/** Show which indexes there are, if there is a choice, and how large the chosen one is. */
export function showIndexes(select, size, indexes, current) {
  select.replaceChildren(...indexes.map((one) => make("option", { value: one.name, selected: one.name === current.name }, one.name)));
  select.hidden = indexes.length < 2;
  if (!current.name) select.selectedIndex = -1;
  const count = current.passages === null || current.passages === undefined ? "" : `${current.passages.toLocaleString("en")} passages`;
  size.textContent = [indexes.length < 2 ? current.name : "", count].filter(Boolean).join(" · ");
}
