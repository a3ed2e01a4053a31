// The formula in the browser: score = BM25 + λ · sim, for every candidate that any of the three lists brought.
// Pure: no DOM, no network.

/** Order by code points, as the engines do: JavaScript's own < compares halves of surrogate pairs. */
export function compareIds(a, b) {
  const left = [...a], right = [...b];
  for (let i = 0; i < left.length && i < right.length; i += 1) {
    const difference = left[i].codePointAt(0) - right[i].codePointAt(0);
    if (difference) return difference;
  }
  return left.length - right.length;
}

/** All candidates of one question. */
export class Pool {
  /** `prior` says which sim to expect of a passage without a vector: a + b · BM25. */
  constructor(prior) {
    this.prior = prior;
    this.hits = new Map();
    this.ranks = { lexical: new Map(), dense: new Map() };
    this.came = new Set();
    this.encoded = false;
  }

  /** Take in an answer of /v1/search; `mode` is what was asked for. */
  add(answer, mode) {
    this.came.add(mode);
    this.encoded ||= answer.hits.some((hit) => hit.sim !== null);
    for (const hit of answer.hits) {
      const known = this.hits.get(hit.id);
      // A passage's parts do not depend on λ; a list that was asked without a vector knows less than another.
      if (!known || known.sim === null) this.hits.set(hit.id, hit);
    }
    if (mode !== "hybrid") this.ranks[mode] = new Map(answer.hits.map((hit) => [hit.id, hit.rank]));
  }

  /** Give the sim that counts, and whether it is only expected; null where the question has no vector. */
  sim(hit) {
    if (hit.sim !== null) return { value: hit.sim, expected: false };
    if (!this.encoded) return null;
    return { value: this.prior.a + this.prior.b * hit.bm25, expected: true };
  }

  /** Give the parts of a hit's score at λ. */
  parts(hit, lambda) {
    const sim = this.sim(hit);
    const meaning = sim ? lambda * sim.value : 0;
    return { words: hit.bm25, meaning, sim, score: hit.bm25 + meaning };
  }

  /** Give all candidates in order at λ, best first, ties by id. */
  rank(lambda) {
    const scored = [...this.hits.values()].map((hit) => ({ hit, ...this.parts(hit, lambda) }));
    return scored.sort((a, b) => b.score - a.score || compareIds(a.hit.id, b.hit.id));
  }

  /** Give the hits of the lexical or the dense list in its order. */
  side(mode) {
    return [...this.ranks[mode].keys()].map((id) => this.hits.get(id));
  }

  /** Say which lists brought a hit: "words", "meaning" or "both"; null for one that only the sum brought up. */
  origin(id) {
    const words = this.ranks.lexical.has(id), meaning = this.ranks.dense.has(id);
    return words && meaning ? "both" : words ? "words" : meaning ? "meaning" : null;
  }
}
