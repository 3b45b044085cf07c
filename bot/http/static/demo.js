// The demo's table: three chats beside each other or behind tabs, and a hand on the service's clock.

const CLOCK_EVERY_MS = 30_000;
const WIDE = matchMedia("(min-width: 1100px)"); // as in demo.css

const tabs = [...document.querySelectorAll('[role="tab"]')];
const clock = document.getElementById("clock");
const told = document.getElementById("told");
const skip = document.getElementById("skip");

const SAID = {
  nothing: "Nothing is planned. · Rien n’est prévu. · لا شيء مبرمج.",
  failed: "The service does not answer. · Le service ne répond pas. · الخدمة لا تجيب.",
};

const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

function choose(tab) {
  for (const other of tabs) {
    const isChosen = other === tab;
    other.setAttribute("aria-selected", String(isChosen));
    other.tabIndex = isChosen ? 0 : -1;
    panelOf(other).classList.toggle("current", isChosen);
  }
  tab.querySelector(".dot").hidden = true;
}

function walk(event) {
  const here = tabs.indexOf(event.currentTarget);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  choose(tab);
  tab.focus();
}

// Side by side there are no tabs, and a panel without one is a region.
function layOut() {
  for (const tab of tabs) {
    panelOf(tab).setAttribute("role", WIDE.matches ? "region" : "tabpanel");
    if (WIDE.matches) tab.querySelector(".dot").hidden = true;
  }
}

function markUnread(source) {
  const tab = tabs.find((one) => panelOf(one).querySelector("iframe").contentWindow === source);
  if (!tab || WIDE.matches || tab.getAttribute("aria-selected") === "true") return;
  tab.querySelector(".dot").hidden = false;
}

for (const tab of tabs) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", walk);
}
WIDE.addEventListener("change", layOut);
layOut();

function showClock(now, text) {
  clock.dateTime = now;
  clock.textContent = text;
}

async function fetchJson(path, options) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function readClock() {
  if (document.hidden) return;
  try {
    const answer = await fetchJson("/demo/clock");
    showClock(answer.now, answer.clock);
  } catch {
    // The chats say themselves that the service is away; the next reading corrects the clock.
  }
}

async function skipAhead() {
  if (skip.getAttribute("aria-busy") === "true") return;
  skip.setAttribute("aria-busy", "true");
  try {
    const answer = await fetchJson("/demo/skip", { method: "POST" });
    showClock(answer.now, answer.clock);
    told.textContent = answer.skipped_to ?? SAID.nothing;
  } catch {
    told.textContent = SAID.failed;
  } finally {
    skip.setAttribute("aria-busy", "false");
  }
}

skip.addEventListener("click", skipAhead);
addEventListener("message", (event) => {
  if (event.origin !== location.origin) return;
  if (event.data?.jisr === "message") markUnread(event.source);
  if (event.data?.jisr === "clock") showClock(event.data.now, event.data.text);
});
document.addEventListener("visibilitychange", readClock);
setInterval(readClock, CLOCK_EVERY_MS);
readClock();
