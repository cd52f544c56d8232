// Light, dark, or as the system has it.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

const NEXT = /** @type {{ [theme: string]: string }} */ ({ system: "light", light: "dark", dark: "system" });
const KEY = "bootwire-theme";

export function themeButton() {
  const button = h("button.theme", { type: "button", on: { click: () => set(NEXT[theme()] ?? "system") } });

  /** @param {string} theme */
  function set(theme) {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // Storage is forbidden: it lasts as long as the page.
    }
    show();
  }

  function show() {
    const now = theme();
    const label = `Colours: ${now === "system" ? "as the system has them" : now}`;
    button.setAttribute("aria-label", label);
    button.title = label;
    fill(button, icon(now));
  }

  show();
  return button;
}

function theme() {
  return document.documentElement.dataset["theme"] ?? "system";
}
