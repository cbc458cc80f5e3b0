// Sets the remembered theme before the page is drawn, so that it never flashes.
// A theme in the address wins for that page.
{
  const root = document.documentElement;
  if (!root.dataset.theme) {
    try {
      const kept = localStorage.getItem("hotspan-theme");
      if (kept === "dark" || kept === "light") root.dataset.theme = kept;
    } catch {
      // Storage is off: the system's preference stands.
    }
  }
}
