// Keys that work anywhere on the page but where somebody types.

/** Listen to keys; `question` is the box that is typed in, `actions` say what a key does. */
export function listen(question, { weigh, look, move }) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && target === question) return void target.blur();
    if (isTyping(target) && !(target === question && key === "ArrowDown" && !target.value.includes("\n"))) return;
    const actions = {
      "/": () => question.select(),
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      "[": () => weigh(-1),
      "]": () => weigh(1),
      v: look,
      Enter: () => target.querySelector(".whole")?.click(),
    };
    if (!(key in actions) || (key === "Enter" && !target.matches(".hit"))) return;
    event.preventDefault();
    actions[key]();
  });
}

/** Put the focus on the next passage, or the one before; before the first is the question. */
export function moveFocus(results, question, step) {
  const all = [...results.querySelectorAll(".hit")].filter((hit) => hit.offsetParent !== null);
  const hit = document.activeElement?.closest(".hit");
  const place = hit ? all.indexOf(hit) + step : step > 0 ? 0 : -1;
  if (place < 0) return question.focus();
  all[Math.min(place, all.length - 1)]?.focus();
}

function isTyping(target) {
  return target.matches("textarea, select, input:not([type=checkbox])");
}
