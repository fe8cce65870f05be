// Dialogs: opened by buttons with `data-opens`, closed by Escape, by their buttons with
// `data-closes` and by a click beside them. The browser keeps focus inside and gives it back.

/** Opens the dialog with that id. */
export function openDialog(id: string): HTMLDialogElement | null {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) {
    return null;
  }
  if (!dialog.open) {
    dialog.showModal();
  }
  return dialog;
}

/** Closes the dialog around `element`, if there is one. */
export function closeAround(element: Element): void {
  element.closest("dialog")?.close();
}

/** Serves every dialog of the page, also those that come later. */
export function serveDialogs(): void {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const opener = target?.closest<HTMLElement>("[data-opens]");
    if (opener) {
      closeMenu(opener);
      openDialog(opener.dataset["opens"] ?? "");
    } else if (target?.closest("[data-closes]")) {
      closeAround(target);
    } else if (target instanceof HTMLDialogElement && isBeside(target, event)) {
      target.close();
    }
    closeOtherMenus(target);
  });
  // It does not bubble.
  document.addEventListener("toggle", (event) => placeMenu(event.target), { capture: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.querySelector<HTMLDetailsElement>("details.menu[open]");
      menu?.removeAttribute("open");
      menu?.querySelector("summary")?.focus();
    }
  });
}

/** The padding of a dialog is its content's, so a click on the element itself is on its backdrop. */
function isBeside(dialog: HTMLDialogElement, event: MouseEvent): boolean {
  const box = dialog.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}

/** Lets a menu open to where there is room: up at the foot of the page, forward at its left edge. */
function placeMenu(menu: EventTarget | null): void {
  if (!(menu instanceof HTMLDetailsElement) || !menu.matches(".menu[open]")) {
    return;
  }
  menu.classList.remove("above", "after");
  const box = menu.querySelector(".menu-items")?.getBoundingClientRect();
  const foot = document.querySelector(".rail")?.getBoundingClientRect();
  // On a phone the rail is a bar at the foot; elsewhere it reaches up to the top.
  const end = foot && foot.top > 0 ? foot.top : window.innerHeight;
  menu.classList.toggle("above", box !== undefined && box.bottom > end && box.height < box.top);
  menu.classList.toggle("after", box !== undefined && box.left < 0);
}

function closeMenu(element: Element): void {
  element.closest("details.menu")?.removeAttribute("open");
}

function closeOtherMenus(target: Element | null): void {
  const own = target?.closest("details.menu");
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== own) {
      menu.removeAttribute("open");
    }
  }
}
