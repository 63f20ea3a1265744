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
  const heard = (event) => {
    document.dispatchEvent(new CustomEvent("hallmark:fact", { detail: JSON.parse(event.data) }));
    window.clearTimeout(waiting);
    waiting = window.setTimeout(refresh, REFRESH_AFTER);
  };
  source.addEventListener("open", () => { state.textContent = "Live"; refresh(); });
  source.addEventListener("error", () => { state.textContent = "Not live: reconnecting"; });
  source.onmessage = heard;
  window.addEventListener("pagehide", () => source.close());
}

// Each part by its id, from the same page; what somebody is typing into is left alone.
async function refresh() {
  const parts = [...document.querySelectorAll("[data-refresh][id]")].filter((part) => !part.contains(document.activeElement) || document.activeElement.matches("a, summary, body"));
  if (!parts.length) return;
  const answer = await fetch(window.location.href, { headers: { accept: "text/html", "x-refresh": "1" } });
  if (answer.redirected || !answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const found = fresh.getElementById(part.id);
    if (!found || found.innerHTML === part.dataset.seen) continue;
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    part.replaceChildren(...found.childNodes);
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

document.addEventListener("submit", (event) => {
  const words = event.submitter?.dataset.confirm;
  if (words && !window.confirm(words)) event.preventDefault();
});

document.addEventListener("htmx:load", (event) => showTimes(event.target));
showTimes(document);
window.setInterval(() => showTimes(document), 30000);
themes();
follow();
