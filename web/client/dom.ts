// Small, typed steps around the document. Markup is written in templates; scripts only fill it.

const SVG = "http://www.w3.org/2000/svg";

/** The element that matches, which the template promises. */
export function need<T extends Element>(root: ParentNode, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) {
    throw new Error(`the page has no ${selector}`);
  }
  return found;
}

/** An SVG element with its attributes. */
export function svg(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, String(value));
  }
  return element;
}

/** Shows another icon of the sprite in `holder`. */
export function setIcon(holder: Element, name: string): void {
  const use = holder.querySelector("use");
  if (use && use.getAttribute("href") !== `#icon-${name}`) {
    use.setAttribute("href", `#icon-${name}`);
  }
}

/** The JSON that the page carries in `<script type="application/json" id=…>`. */
export function embedded<T>(id: string): T {
  return JSON.parse(need<HTMLScriptElement>(document, `#${id}`).textContent ?? "null") as T;
}

/** Typing belongs to the field, not to a shortcut. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && !["range", "checkbox", "radio"].includes(target.type))
  );
}
