// Which words of a text speak of the question: an approximation of the index's analyzer, for marking only.
// Pure.

const STOP = new Set(("a an and are as at be but by for if in into is it no not of on or such that the their then there " +
  "these they this to was will with").split(" "));
const WORD = /[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*/gu;
const UNSPACED = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/u;
const ENDINGS = ["ations", "ation", "nesses", "ness", "ments", "ment", "ingly", "edly", "ings", "ing", "ied", "ies", "ed", "es", "ly", "er", "ers", "s", "e", "y"];
const SHORTEST = 3;

/** Cut a word to what its forms have in common. */
export function stem(word) {
  let stemmed = word.toLowerCase().replace(/['’]s$/u, "");
  for (const ending of ENDINGS) {
    if (stemmed.endsWith(ending) && stemmed.length - ending.length >= SHORTEST) {
      stemmed = stemmed.slice(0, -ending.length);
      break;
    }
  }
  return stemmed.replace(/([^aeiouls])\1$/u, "$1");
}

/** Read the words of a question. */
export function readTerms(question) {
  const terms = new Set();
  for (const [word] of question.matchAll(WORD)) {
    if (UNSPACED.test(word)) for (const pair of pairs(word)) terms.add(pair);
    else if (!STOP.has(word.toLowerCase())) terms.add(stem(word));
  }
  return terms;
}

/** Give the places [start, end) of a text's words that are among the terms. */
export function findTerms(text, terms) {
  const found = [];
  for (const match of text.matchAll(WORD)) {
    const word = match[0];
    if (UNSPACED.test(word)) {
      for (let i = 0; i + 1 < word.length; i += 1) {
        if (terms.has(word.slice(i, i + 2))) found.push([match.index + i, match.index + i + 2]);
      }
    } else if (terms.has(stem(word))) found.push([match.index, match.index + word.length]);
  }
  return merge(found);
}

/** Give the piece of a text, of about `size` characters and in whole words, that holds the most different places. */
export function chooseWindow(text, places, size) {
  if (text.length <= size) return [0, text.length];
  let best = [-1, 0];
  for (const [begin] of [[0, 0], ...places]) {
    const start = Math.max(0, begin - Math.floor(size / 5));
    const words = places.filter(([from, to]) => from >= start && to <= start + size).map(([from, to]) => stem(text.slice(from, to)));
    const value = new Set(words).size + words.length / 1000;
    if (value > best[0]) best = [value, start];
  }
  let start = best[1], end = Math.min(text.length, start + size);
  if (start > 0) start = nextBreak(text, start);
  if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), start + 1);
  return [start, end];
}

/** Give the place in UTF-16 of a place that was counted in code points, as Python counts. */
export function toUtf16(text, codePoints) {
  let place = 0;
  for (let left = codePoints; left > 0 && place < text.length; left -= 1) place += text.codePointAt(place) > 0xffff ? 2 : 1;
  return place;
}

function nextBreak(text, start) {
  const found = text.indexOf(" ", start);
  return found < 0 || found > start + 40 ? start : found + 1;
}

function pairs(word) {
  return word.length < 2 ? [word] : Array.from({ length: word.length - 1 }, (_, i) => word.slice(i, i + 2));
}

function merge(places) {
  const merged = [];
  for (const [start, end] of places) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}
