// The elements of the page by their names, and what it says of itself: busy, in trouble, something to note.

const element = (id) => document.getElementById(id);
export const byId = Object.fromEntries(["search", "question", "index", "size", "weight", "lambda", "reset", "default", "trouble", "notice", "aside", "map",
  "facets", "results", "summary", "answer", "list", "columns", "more", "request", "intro"].map((id) => [id, element(id)]));
const progress = document.querySelector(".progress");

/** Count what is under way; a bar shows while anything is. */
export function busy(change) {
  progress.dataset.count = String(Number(progress.dataset.count ?? 0) + change);
}

/** Say what is wrong, with a button that does it `again`; null takes it away. */
export function trouble(message, again) {
  byId.trouble.hidden = message === null;
  byId.trouble.querySelector("p").textContent = message ?? "";
  byId.trouble.querySelector("button").onclick = () => again();
}

/** Note something, in texts and elements; an empty text takes it away. */
export function notice(...parts) {
  byId.notice.replaceChildren(...parts);
  byId.notice.hidden = !byId.notice.textContent;
}

/** Let the question's box be as high as its text. */
export function grow() {
  const area = byId.question;
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, 180)}px`;
}
