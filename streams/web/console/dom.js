// Elements made from data: text is always set as text, never parsed as HTML.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "vars") for (const [key, each] of Object.entries(value)) element.style.setProperty(`--${key}`, each);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// The same in SVG; all that is given are attributes.
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function fill(container, ...children) {
  container.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

// Brings a list's children in line with `items`, making only those anew whose `signature` changed, so that focus,
// scrolling and open parts stay where they are.
export function keyed(container, items, key, signature, make) {
  const there = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement?.closest?.("[data-key]");
  const focusKey = focused && container.contains(focused) ? focused.dataset.key : null;
  items.forEach((item, place) => {
    const id = key(item);
    const sign = signature(item);
    let element = there.get(id);
    there.delete(id);
    if (!element || element.dataset.sign !== sign) {
      const fresh = make(item, element);
      fresh.dataset.key = id;
      fresh.dataset.sign = sign;
      if (element && element !== fresh) element.replaceWith(fresh);
      element = fresh;
    }
    if (container.children[place] !== element) container.insertBefore(element, container.children[place] ?? null);
  });
  for (const gone of there.values()) gone.remove();
  if (focusKey !== null && !container.contains(document.activeElement)) {
    const again = [...container.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focusKey);
    (again?.matches("button") ? again : again?.querySelector("button, summary, [tabindex]"))?.focus({ preventScroll: true });
  }
}
