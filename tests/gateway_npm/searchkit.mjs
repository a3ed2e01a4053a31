// Searchkit's requests, as the page sends them: `node searchkit.mjs HOST INDEX MODE`, answers on standard output.
import SearchkitPackage from "searchkit";

const Searchkit = SearchkitPackage.default ?? SearchkitPackage;
const [host, index, mode] = process.argv.slice(2);
const searchkit = new Searchkit({
  connection: { host, headers: mode ? { "X-Search-Mode": mode } : {} },
  search_settings: {
    search_attributes: ["title", "text"],
    result_attributes: ["title", "text", "meta"],
    highlight_attributes: ["title", "text"],
    facet_attributes: [
      { attribute: "topic", field: "meta.topic", type: "string" },
      { attribute: "year", field: "meta.year", type: "numeric" },
    ],
    sorting: { default: { field: "_score", order: "desc" }, _newest: { field: "meta.year", order: "desc" } },
  },
});

const facets = ["topic", "year"];
const ask = (params) => ({ indexName: index, params: { hitsPerPage: 5, facets, maxValuesPerFacet: 20, ...params } });
const query = "how do people find their way at sea";
const requests = {
  first: [ask({ query })],
  second: [ask({ query, page: 1 })],
  third: [ask({ query, page: 2 })],
  whole: [ask({ query, hitsPerPage: 100 })],
  topic: [ask({ query, hitsPerPage: 100, facetFilters: [["topic:history"]] }), ask({ query, hitsPerPage: 0, facets: "topic" })],
  range: [ask({ query, hitsPerPage: 100, numericFilters: ["year>=1800"] })],
  newest: [{ ...ask({ query }), indexName: `${index}_newest` }],
  browse: [ask({ query: "" })],
  unknown: [ask({ query: "zzyzx qwghlm", hitsPerPage: 100 })],
};
const answers = {};
for (const [name, asked] of Object.entries(requests)) {
  answers[name] = (await searchkit.handleInstantSearchRequests(asked)).results.map((result) => ({ ...result, processingTimeMS: 0 }));
}
console.log(JSON.stringify(answers));
