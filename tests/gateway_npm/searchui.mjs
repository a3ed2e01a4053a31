// Elastic's Search UI, driven as a page drives it: `node searchui.mjs HOST INDEX MODE`, its states on standard output.
import { SearchDriver } from "@elastic/search-ui";
import ConnectorPackage from "@elastic/search-ui-elasticsearch-connector";

const Connector = ConnectorPackage.default ?? ConnectorPackage;
const [host, index, mode] = process.argv.slice(2);
const connector = new Connector({ host, index, connectionOptions: { headers: mode ? { "X-Search-Mode": mode } : {} } });
const text = { snippet: {} };
const driver = new SearchDriver({
  apiConnector: connector,
  trackUrlState: false,
  initialState: { resultsPerPage: 5 },
  searchQuery: {
    search_fields: { title: { weight: 2 }, text: {} },
    result_fields: { title: text, text },
    disjunctiveFacets: ["meta.topic"],
    facets: {
      "meta.topic": { type: "value", size: 20 },
      "meta.year": { type: "range", ranges: [{ from: 0, to: 1800, name: "old" }, { from: 1800, name: "new" }] },
    },
  },
});

const settled = () =>
  new Promise((resolve) => {
    let begun = false;
    const look = (state) => {
      begun ||= state.isLoading;
      if (begun && !state.isLoading) {
        driver.unsubscribeToStateChanges(look);
        resolve(state);
      }
    };
    driver.subscribeToStateChanges(look);
  });

const found = [];
async function act(name, action) {
  const done = settled();
  action(driver.getActions());
  const state = await done;
  found.push({
    name,
    error: state.error,
    total: state.totalResults,
    ids: state.results.map((result) => result.id?.raw ?? result._meta.id),
    results: state.results,
    facets: state.facets,
  });
}

const query = "how do people find their way at sea";
await act("first", (actions) => actions.setSearchTerm(query));
await act("second", (actions) => actions.setCurrent(2));
await act("whole", (actions) => actions.setResultsPerPage(100));
await act("topic", (actions) => actions.addFilter("meta.topic", "history", "any"));
await act("everything", (actions) => actions.clearFilters());
await act("newest", (actions) => actions.setSort([{ field: "meta.year", direction: "desc" }]));
console.log(JSON.stringify(found));
