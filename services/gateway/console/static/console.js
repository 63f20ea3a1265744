// What pages do beyond HTML. Without it every link and form still works.
//
// - Parts marked with data-refresh are asked for anew when something happened; `data-live` on the body says where to listen.
// - Times say how long ago they were. Buttons with data-confirm ask first. The theme is kept in a cookie.

const REFRESH_AFTER = 250; // ms: facts come in bursts, and one look shows them all

function follow() {
  const where = document.body.dataset.live;
  if (where === undefined) return;
  const state = document.getElementById("live-state");
  const source = new EventSource(`/news${where ? `?${where}` : ""}`);
  let waiting = 0;
  const heard = () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(refresh, REFRESH_AFTER);
  };
  source.addEventListener("open", () => { state.textContent = "Live"; refresh(); });
  source.addEventListener("error", () => { state.textContent = "Not live: reconnecting"; });
  source.onmessage = heard;
  window.addEventListener("pagehide", () => source.close());
}

const FRESH_IDS = /name="command_id" value="[^"]*"/g; // made anew for each page: no news
const saidBy = (part) => part.innerHTML.replaceAll(FRESH_IDS, "");
const refreshed = () => [...document.querySelectorAll("[data-refresh][id]")];
const seen = new WeakMap(refreshed().map((part) => [part, saidBy(part)]));

// Whoever has pressed a button or drags something will let go of what was under it: a link replaced in between is a lost click.
const held = { press: false, drag: false, news: false };

function hold(what, begins, ends) {
  document.addEventListener(begins, (event) => { held[what] ||= event.button === 0; });
  for (const end of ends) document.addEventListener(end, () => window.setTimeout(() => letGo(what))); // after its click
}

function letGo(what) {
  held[what] = false;
  if (!held.news || held.press || held.drag) return;
  held.news = false;
  refresh();
}

// A part that somebody is in, or in which a field was changed and not sent, is not to be taken away from under them.
function isInUse(part) {
  const active = document.activeElement;
  if (part.contains(active) && !active.matches("a, summary, body")) return true;
  return [...part.querySelectorAll("input, select, textarea")].some(isChanged);
}

function isChanged(field) {
  if (field.matches("select")) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

// Each part by its id, from the same page.
async function refresh() {
  const parts = refreshed();
  if (!parts.length) return;
  const answer = await fetch(window.location.href, { headers: { accept: "text/html", "x-refresh": "1" } });
  if (answer.redirected || !answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  held.news = held.press || held.drag;
  if (held.news) return;
  for (const part of parts) {
    const found = fresh.getElementById(part.id);
    const said = found && saidBy(found);
    if (isInUse(part)) continue; // looked at only now: meanwhile somebody may have begun to type
    if (!found || said === seen.get(part)) continue;
    seen.set(part, said);
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    part.replaceChildren(...found.childNodes);
    if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    window.htmx?.process(part);
    showTimes(part);
  }
  document.dispatchEvent(new CustomEvent("hallmark:refreshed"));
}

const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export function ago(milliseconds) {
  const seconds = milliseconds / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = time.title || time.textContent;
    time.textContent = ago(Date.parse(time.dateTime) - Date.now());
  }
}

function themes() {
  document.querySelector("[data-theme-switch]")?.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme === "dark" || (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  });
}

// A button beside a text that is to be taken along; without JavaScript one selects the text.
function copying() {
  for (const button of document.querySelectorAll("button[data-copy][hidden]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    });
  }
}

document.addEventListener("submit", (event) => {
  const words = event.submitter?.dataset.confirm;
  if (words && !window.confirm(words)) event.preventDefault();
});

document.addEventListener("htmx:load", (event) => showTimes(event.target));
showTimes(document);
window.setInterval(() => showTimes(document), 30000);
hold("press", "pointerdown", ["pointerup", "pointercancel"]);
hold("drag", "dragstart", ["dragend"]);
themes();
copying();
follow();
