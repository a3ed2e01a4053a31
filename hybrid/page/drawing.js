// Elements: made of text nodes only, so that nothing in a passage can be anything but text.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element; children are elements, strings, or nothing. */
export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Make an element of a picture. */
export function makeSvg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Write a text with some of its places marked. */
export function mark(text, places, attributes = {}) {
  const parts = [];
  let done = 0;
  for (const [start, end] of places) {
    parts.push(text.slice(done, start), make("mark", attributes, text.slice(start, end)));
    done = end;
  }
  return [...parts, text.slice(done)].filter((part) => part !== "");
}

/** Write a number for people: two digits behind the point, and a true minus. */
export function number(value, digits = 2) {
  return value.toFixed(digits).replace(/^-0(\.0*)?$/u, "0$1").replace("-", "−");
}

/** Put the children of a list into an order; what is there already moves to its place if motion is welcome. */
export function arrange(list, children) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const before = new Map([...list.children].map((child) => [child, child.getBoundingClientRect().top]));
  list.replaceChildren(...children);
  focused?.focus({ preventScroll: true });
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const child of children) {
    const old = before.get(child);
    if (old === undefined) continue;
    const moved = old - child.getBoundingClientRect().top;
    if (Math.abs(moved) > 1) child.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 260, easing: "cubic-bezier(.2,.7,.2,1)" });
  }
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "style") for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
    else if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}
