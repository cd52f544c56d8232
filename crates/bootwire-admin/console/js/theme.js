// Runs before the page is drawn, so that it does not flash in the other colours. Not a module for that reason.
{
  /** @type {string | null} */
  let theme = null;
  try {
    theme = localStorage.getItem("bootwire-theme");
  } catch {
    // Storage is forbidden: the system's choice it is.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
}
