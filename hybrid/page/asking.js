// Requests to the server that gave this page: an answer, or an error whose message a person can read.

const PATIENCE = 30_000;

/** Ask what is served: names, λ and the prior of each index, and whether there is a reader. */
export function askAbout(signal) {
  return request("v1/indexes", undefined, signal);
}

/** Rank passages; `notes` is what the server says of how it did so. */
export function askSearch(body, signal) {
  return request("v1/search", body, signal);
}

/** Ask for an answer taken from the passages. */
export function askAnswer(body, signal) {
  return request("v1/ask", body, signal);
}

async function request(path, body, signal) {
  const late = AbortSignal.timeout(PATIENCE);
  const init = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let response, text;
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.any([signal, late]) });
    text = await response.text();
  } catch (error) {
    if (signal.aborted) throw error;
    if (late.aborted) throw new Error(`The server did not answer within ${PATIENCE / 1000} seconds.`);
    throw new Error("The server cannot be reached.");
  }
  const answer = read(text);
  if (!response.ok) throw new Error(explain(answer, response.status));
  if (answer === null) throw new Error("The server's answer cannot be read.");
  return { ...answer, notes: response.headers.get("x-hybrid") ?? "" };
}

function read(text) {
  try {
    const answer = JSON.parse(text);
    return answer !== null && typeof answer === "object" ? answer : null;
  } catch {
    return null;
  }
}

function explain(answer, status) {
  const reason = answer?.error?.reason ?? answer?.error;
  return typeof reason === "string" && reason ? reason : `The server answers with status ${status}.`;
}
