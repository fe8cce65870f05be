// Fetches pages as documents and swaps what changed. The server renders everything; scripts hold
// no markup.

/**
 * The page at `url` as a document that runs no scripts. Not `DOMParser`: the page's policy lets no
 * text become markup, and the browser's own parser needs no exception.
 */
export function fetchPage(url: string): Promise<Document> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.timeout = 10_000;
    request.onload = () =>
      request.status === 200 && request.responseXML
        ? resolve(request.responseXML)
        : reject(new Error(`the page answered ${request.status}`));
    request.onerror = () => reject(new Error("the server does not answer"));
    request.ontimeout = request.onerror;
    request.send();
  });
}

/**
 * Brings every element with `data-region` to the state the server has now. A region in which
 * somebody types or has opened a dialog or a menu is left alone.
 */
export async function refreshRegions(): Promise<void> {
  const fresh = await fetchPage(location.href);
  for (const shown of document.querySelectorAll<HTMLElement>("[data-region]")) {
    const name = shown.dataset["region"] ?? "";
    const wanted = fresh.querySelector(`[data-region="${CSS.escape(name)}"]`);
    if (wanted && wanted.outerHTML !== shown.outerHTML && !isBusy(shown)) {
      const focused = shown.contains(document.activeElement) ? document.activeElement : null;
      const fresh = document.adoptNode(wanted);
      shown.replaceWith(fresh);
      again(fresh, focused)?.focus();
    }
  }
  document.dispatchEvent(new Event("homereel:refreshed"));
}

/** The element of a fresh region that does what the focused one did; the first control if that is gone. */
function again(region: Element, focused: Element | null): HTMLElement | null {
  if (!focused) {
    return null;
  }
  const same = ["id", "data-send", "data-opens", "href", "aria-label"].flatMap((name) => {
    const value = focused.getAttribute(name);
    return value ? [`[${name}="${CSS.escape(value)}"]`] : [];
  });
  const found = same.map((selector) => region.querySelector<HTMLElement>(selector));
  return found.find((element) => element !== null) ?? region.querySelector("a[href], button");
}

function isBusy(region: HTMLElement): boolean {
  const used = "dialog[open], details[open], input:focus, textarea:focus, select:focus";
  return region.querySelector(used) !== null;
}
