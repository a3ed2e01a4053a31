// Which values of metadata the best passages have, and how many of them.
// Pure.

const FIELDS = 8, VALUES = 6, LONGEST = 48;

/** Give fields with their values, the most frequent first; values that are chosen stay, whatever their number.
 * `filterable` names the fields that can be filtered by; null are all. */
export function countFacets(hits, chosen, filterable) {
  const fields = new Map();
  for (const hit of hits) {
    for (const [field, value] of flatten(hit.meta)) {
      if (filterable && !filterable.includes(field)) continue;
      if (!fields.has(field)) fields.set(field, new Map());
      const key = JSON.stringify(value), counts = fields.get(field);
      if (!counts.has(key)) counts.set(key, { value, ids: new Set() });
      counts.get(key).ids.add(hit.id);
    }
  }
  const worth = [...fields].filter(([field, counts]) => chosen.has(field) || tells(counts, hits.length));
  for (const field of chosen.keys()) if (!fields.has(field)) worth.push([field, new Map()]);
  return worth.map(([field, counts]) => ({ field, values: listValues(counts, chosen.get(field) ?? []) }))
    .sort((a, b) => chosen.has(b.field) - chosen.has(a.field) || isNumber(a) - isNumber(b)).slice(0, Math.max(FIELDS, chosen.size));
}

function listValues(counts, chosen) {
  const keys = new Set(chosen.map((value) => JSON.stringify(value)));
  const listed = [...counts].map(([key, { value, ids }]) => ({ value, count: ids.size, chosen: keys.has(key) }));
  for (const value of chosen) if (!counts.has(JSON.stringify(value))) listed.push({ value, count: 0, chosen: true });
  listed.sort((a, b) => b.chosen - a.chosen || b.count - a.count || String(a.value).localeCompare(String(b.value)));
  return listed.slice(0, Math.max(VALUES, chosen.length));
}

/** Tell whether a field sorts passages into groups: not one value for all, nor one for each. */
function tells(counts, hits) {
  const values = [...counts.values()];
  const largest = Math.max(...values.map(({ ids }) => ids.size));
  const covered = new Set(values.flatMap(({ ids }) => [...ids])).size;
  return largest >= 2 && (values.length > 1 || covered < hits) && values.length <= Math.max(3, covered * 0.6);
}

function isNumber({ values }) {
  return values.every(({ value }) => typeof value === "number");
}

function flatten(meta, prefix = "") {
  return Object.entries(meta ?? {}).flatMap(([name, value]) => {
    const field = prefix + name;
    if (Array.isArray(value)) return value.filter(isValue).map((one) => [field, one]);
    if (value !== null && typeof value === "object") return flatten(value, `${field}.`);
    return isValue(value) ? [[field, value]] : [];
  });
}

function isValue(value) {
  return typeof value === "number" || typeof value === "boolean" || (typeof value === "string" && value !== "" && value.length <= LONGEST);
}
