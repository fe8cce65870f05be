// The choice of light or dark, kept in this browser.

const KEY = "homereel.theme";

function choices(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>('input[name="theme"]')];
}

const chosen = document.documentElement.dataset["themeChoice"] ?? "auto";
for (const choice of choices()) {
  choice.checked = choice.value === chosen;
  choice.addEventListener("change", () => {
    try {
      localStorage.setItem(KEY, choice.value);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
    // `theme.ts` hears of it as it does of choices in other tabs.
    window.dispatchEvent(new StorageEvent("storage", { key: KEY, newValue: choice.value }));
  });
}

// Marks the file as a module of its own for the type checker.
export {};
