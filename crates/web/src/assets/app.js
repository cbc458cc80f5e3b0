// What HTML alone cannot do: keys, copying, a lasting theme, keeping the
// scroll position. Every page works without this file.

const $ = (selector) => document.querySelector(selector);
const isTyping = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName)) &&
  target.getAttribute("type") !== "radio";

// --- Keys

const PLACES = { e: "/", i: "/issues", t: "/traces", f: "/search", c: "/credentials", s: "/status" };
let waitsForPlace = false;

function moveRow(step) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement);
  const chosen = rows.findIndex((row) => row.closest(".chosen"));
  const from = at >= 0 ? at : chosen >= 0 ? chosen : step > 0 ? -1 : rows.length;
  const next = rows[Math.min(rows.length - 1, Math.max(0, from + step))];
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function goTo(place) {
  const link = [...document.querySelectorAll(".places a")].find((a) => new URL(a.href).pathname === place);
  if (link) location.assign(link.href);
}

const KEYS = {
  "/": () => {
    const field = $("[data-filter]") ?? $("#find");
    field?.focus();
    field?.select();
  },
  j: () => moveRow(1),
  k: () => moveRow(-1),
  "?": () => $("#help")?.showModal(),
  g: () => {
    waitsForPlace = true;
    setTimeout(() => (waitsForPlace = false), 1000);
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (waitsForPlace && event.key in PLACES) {
    waitsForPlace = false;
    goTo(PLACES[event.key]);
  } else if (event.key in KEYS) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

// --- Theme

$("#theme")?.addEventListener("click", (event) => {
  event.preventDefault();
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("hotspan-theme", root.dataset.theme);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
  const address = new URL(location.href);
  if (address.searchParams.has("theme")) {
    address.searchParams.delete("theme");
    history.replaceState(null, "", address);
  }
});

// --- Copying

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const text = button.parentElement.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

// --- Scroll position: choosing a row loads the page anew and should not move it.

const SCROLL = "hotspan-scroll";
for (const link of document.querySelectorAll("a[data-keep]")) {
  link.addEventListener("click", () =>
    sessionStorage.setItem(SCROLL, JSON.stringify({ path: location.pathname, y: scrollY })),
  );
}

const kept = JSON.parse(sessionStorage.getItem(SCROLL) ?? "null");
sessionStorage.removeItem(SCROLL);
if (kept?.path === location.pathname) {
  scrollTo(0, kept.y);
  document.querySelector(".chosen [data-row]")?.focus({ preventScroll: true });
}
