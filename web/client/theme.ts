// Dark or light, before the first picture is drawn: the only script that runs while a page loads.
// The choice is kept in this browser; without one the system decides. A page that is always dark
// says so itself (`data-theme-fixed`).

const KEY = "homereel.theme";

/** Choices in words of the account page. */
type Theme = "auto" | "dark" | "light";

function chosen(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "dark" || stored === "light" ? stored : "auto";
  } catch {
    // Storage may be forbidden.
    return "auto";
  }
}

const system = window.matchMedia("(prefers-color-scheme: light)");

function apply(): void {
  const root = document.documentElement;
  const choice = chosen();
  root.dataset["themeChoice"] = choice;
  if (root.dataset["themeFixed"] === undefined) {
    root.dataset["theme"] = choice === "auto" ? (system.matches ? "light" : "dark") : choice;
  }
}

apply();
system.addEventListener("change", apply);
// Another tab, or the account page (which dispatches the event itself), made a choice.
window.addEventListener("storage", apply);

// Marks the file as a module of its own for the type checker.
export {};
