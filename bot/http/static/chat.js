// One person's chat: draws what the service says, sends what the person answers, and survives a bad connection.
//
// Everything lives in memory and goes with the page: phones are shared. Words from outside reach the page
// through textContent only, never as markup.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
// A line that confirms nothing for this long is dead, whatever the phone says, and is opened again.
const PATIENCE_MS = 12_000;
// A shorter break is not worth a word: pages and servers restart.
const SILENT_BREAK_MS = 700;
const BACK_ONLINE_MS = 3_000;
// The second touch of a double tap must not press what has just appeared under the finger.
const DOUBLE_TAP_MS = 400;
const DOUBLE_TAP_PX = 32;
// The arches of the header stand over the first pixels of the chat.
const ARCH_PX = 20;
// How near to the end of the chat, in pixels, still counts as reading its end.
const AT_END_PX = 90;
// Longest labels, in letters, that stand two in a row on any phone, and on a wide one.
const SHORT_LABEL = 11;
const MEDIUM_LABEL = 15;
// Three decimals are about 100 m: enough to find a centre, too little to find a door.
const COORDINATE_DECIMALS = 3;

const query = new URLSearchParams(location.search);
const page = document.documentElement;
const [line, scroller, log, composer, words, sendButton, downButton, demoBadge] = [
  "line", "scroller", "log", "composer", "words", "send", "down", "demo",
].map((id) => document.getElementById(id));

const ui = {
  placeholder: "…",
  send: "➤",
  offline: "لا يوجد اتصال، نحاول مرة أخرى… · Pas de connexion, nouvel essai…",
  online: "",
  share_location: "📍",
  locating: "…",
  location_failed: "",
  today: "",
};

// What is drawn, oldest first: {frame, ids, ...} said by the service, {ref, text, ...} said by the person.
let entries = [];
// What the service has not confirmed yet, by ref, oldest first.
const unconfirmed = new Map();
const dayRows = new Map();
let language = "";
let serviceDay = null;

let socket = null;
let isReady = false; // the history has come: what is drawn is what the service knows
let failures = 0;
let patience = PATIENCE_MS;
let retryTimer, deadline, lineTimer;

function socketAddress() {
  const address = new URL("/ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (query.has("seat")) address.searchParams.set("seat", query.get("seat"));
  // Tells the service that the first word is ours; the code itself stays out of addresses, which end in logs.
  if (invitation !== null) address.searchParams.set("start", "");
  return address.href;
}

function connect() {
  clearTimeout(retryTimer);
  const opened = new WebSocket(socketAddress());
  socket = opened;
  opened.addEventListener("message", (event) => opened === socket && receive(event.data));
  opened.addEventListener("close", () => opened === socket && lose());
  expectAnswer();
}

function lose() {
  socket = null;
  isReady = false;
  stopExpecting();
  announceOffline();
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
  failures += 1;
  // Spread out, or everybody comes back in the same instant after a restart of the service.
  retryTimer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
}

function abandon() {
  const dead = socket;
  // Something the service never confirms must not make the page reconnect without end.
  patience *= 2;
  lose();
  dead.close();
}

function expectAnswer() {
  deadline ??= setTimeout(abandon, patience);
}

function stopExpecting() {
  clearTimeout(deadline);
  deadline = null;
}

function reconnectNow() {
  if (socket === null && !document.hidden) connect();
}

function transmit(frame) {
  if (isReady) socket.send(JSON.stringify(frame));
}

function transmitInput(frame) {
  if (!isReady) return;
  transmit(frame);
  expectAnswer();
}

function announceOffline() {
  if (page.classList.contains("offline") || lineTimer) return;
  lineTimer = setTimeout(() => {
    lineTimer = null;
    page.classList.remove("online");
    page.classList.add("offline");
    line.textContent = ui.offline;
  }, SILENT_BREAK_MS);
}

function announceOnline() {
  clearTimeout(lineTimer);
  lineTimer = null;
  if (!page.classList.contains("offline")) return;
  page.classList.replace("offline", "online");
  line.textContent = ui.online;
  setTimeout(() => page.classList.remove("online"), BACK_ONLINE_MS);
}

function receive(data) {
  const frame = JSON.parse(data);
  switch (frame.type) {
    case "hello": return greet(frame);
    case "history": return restore(frame.items);
    case "message": return hear(frame);
    case "echo": takeEcho(entries, frame); return confirm(frame.ref);
    case "stored": return confirm(frame.ref);
    case "clock": return setClock(frame);
  }
}

function greet(frame) {
  Object.assign(ui, frame.ui);
  language = frame.language ?? "";
  page.lang = language;
  page.dir = frame.direction;
  fitWords();
  words.placeholder = ui.placeholder;
  words.setAttribute("aria-label", ui.placeholder);
  sendButton.setAttribute("aria-label", ui.send);
  sendButton.title = ui.send;
  demoBadge.hidden = !frame.demo;
  if (page.classList.contains("offline")) line.textContent = ui.offline;
  sendInvitation();
  render();
}

let invitation = query.get("start");

function sendInvitation() {
  if (invitation === null) return;
  socket.send(JSON.stringify({ type: "start", payload: invitation, ref: newRef() }));
  invitation = null;
}

// A code that has been answered is spent: it should neither be sent again nor stay in the address.
function forgetInvitation() {
  if (invitation !== null || !query.has("start")) return;
  query.delete("start");
  const rest = query.toString();
  history.replaceState(null, "", location.pathname + (rest && `?${rest}`));
}

function restore(items) {
  const isFirst = log.getAttribute("aria-live") === "off";
  const fresh = [];
  for (const item of items) {
    if (item.type === "message") takeMessage(fresh, item);
    else takeEcho(fresh, item);
  }
  for (const { ref } of fresh) unconfirmed.delete(ref);
  const resend = [...unconfirmed.values()];
  for (const { mine } of resend) {
    if (mine.answers === null || fresh.some((entry) => entry.ids?.has(mine.answers))) fresh.push(mine);
  }
  entries = keepDrawn(fresh);
  isReady = true;
  failures = 0;
  stopExpecting();
  announceOnline();
  render({ follow: isFirst });
  tellShown();
  for (const { frame } of resend) transmitInput(frame);
  // Only what comes from now on is read out, not the whole past.
  if (isFirst) setTimeout(() => log.setAttribute("aria-live", "polite"));
}

// An entry that is drawn already keeps its row, and with it the focus and the place of the reader.
function keepDrawn(fresh) {
  const nameOf = ({ frame, ref, clock, text }) => (frame ? JSON.stringify(frame) : ref ?? `${clock} ${text}`);
  const drawn = new Map(entries.map((entry) => [nameOf(entry), entry]));
  return fresh.map((entry) => {
    const old = drawn.get(nameOf(entry));
    drawn.delete(nameOf(entry));
    return old ? Object.assign(old, entry, { chosen: old.chosen ?? entry.chosen }) : entry;
  });
}

function hear(frame) {
  const replaced = entries.find((entry) => entry.ids?.has(frame.replaces));
  const isAnswer = Boolean(replaced?.chosen);
  const heard = takeMessage(entries, frame);
  if (!heard) return;
  heard.isSwap = isAnswer;
  const focus = document.activeElement;
  const focusGoes = replaced?.row?.contains(focus);
  const focusWaits = followFocus && (focus === document.body || log.contains(focus));
  render({ reveal: isAnswer ? heard : null });
  if (focusGoes || focusWaits) moveFocusTo(heard);
  tellShown();
  tellFrame({ jisr: "message" });
  forgetInvitation();
  if (document.hidden) document.title = "• Jisr";
}

function confirm(ref) {
  const waiting = unconfirmed.get(ref);
  if (waiting) {
    unconfirmed.delete(ref);
    waiting.mine.received = true;
    patience = PATIENCE_MS;
    stopExpecting();
    if (unconfirmed.size > 0) expectAnswer();
  }
  render();
}

function setClock(frame) {
  serviceDay = frame.now.slice(0, 10);
  // The day stands in the chat, in the person's language; a phone's header has room for the hour.
  demoBadge.textContent = `Demo · ${frame.now.slice(11, 16)}`;
  tellFrame({ jisr: "clock", now: frame.now, text: frame.text });
  render();
}

// The demo page, when this page stands in one of its frames.
function tellFrame(news) {
  if (window.parent !== window) window.parent.postMessage(news, location.origin);
}

const told = new Set();

function tellShown() {
  if (!isReady || document.hidden) return;
  for (const { frame } of entries) {
    if (!frame || told.has(frame.id)) continue;
    told.add(frame.id);
    transmit({ type: "shown", id: frame.id });
  }
}

// Adds the message, or puts it in the place of the one it replaces; returns its entry, null when it is old news.
function takeMessage(list, frame) {
  if (list.some((entry) => entry.ids?.has(frame.id))) return null;
  const entry = { frame, ids: new Set([frame.id]), day: frame.at?.slice(0, 10), chosen: null };
  const place = list.findIndex((other) => other.ids?.has(frame.replaces));
  if (place < 0) {
    list.push(entry);
    return entry;
  }
  const replaced = list[place];
  for (const id of replaced.ids) entry.ids.add(id);
  entry.day = replaced.day;
  list[place] = entry;
  // The tap that led here has its answer in the same bubble: left below, it would read as a new question.
  for (let i = list.length - 1; i > place; i -= 1) {
    if (list[i].answers !== null && replaced.ids.has(list[i].answers)) list.splice(i, 1);
  }
  return entry;
}

function takeEcho(list, item) {
  const mine = item.ref ? list.find((entry) => entry.ref === item.ref) : null;
  if (mine) {
    Object.assign(mine, { clock: item.clock, received: true });
    return;
  }
  const prompt = newestPrompt(list);
  const choice = prompt?.frame.choices.find(({ label }) => label === item.text);
  if (choice) prompt.chosen = choice.id;
  list.push({
    ref: item.ref, text: item.text, clock: item.clock, received: true, answers: choice ? prompt.frame.id : null,
  });
}

function asks({ frame }) {
  return Boolean(frame) && (frame.prompt_no !== null || frame.choices.length > 0 || frame.wants_location);
}

function newestPrompt(list) {
  for (let i = list.length - 1; i >= 0; i -= 1) if (asks(list[i])) return list[i];
  return null;
}

function newRef() {
  // crypto.randomUUID is missing on plain http.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(frame, text, prompt = null) {
  const ref = newRef();
  const mine = { ref, text, clock: null, received: false, answers: prompt ? prompt.frame.id : null };
  const input = { ...frame, ref };
  unconfirmed.set(ref, { frame: input, mine });
  entries.push(mine);
  render({ follow: true });
  transmitInput(input);
  reconnectNow();
}

function sendWords() {
  const text = words.value.trim();
  if (!text) return;
  words.value = "";
  fitWords();
  say({ type: "text", text }, text);
}

function tap(entry, choice, event) {
  const isWaiting = [...unconfirmed.values()].some(
    ({ frame, mine }) => mine.answers === entry.frame.id && frame.choice === choice.id,
  );
  if (isWaiting || isSecondOfDoubleTap(event)) return;
  followFocus = event.detail === 0;
  entry.chosen = choice.id;
  const { prompt_no, id } = entry.frame;
  say({ type: "tap", prompt_no, message: id, choice: choice.id, label: choice.label }, choice.label, entry);
}

let lastTouch = { time: -Infinity, x: 0, y: 0 };

function isSecondOfDoubleTap(event) {
  if (event.pointerType !== "touch") return event.detail > 1;
  const { timeStamp: time, clientX: x, clientY: y } = event;
  const isNear = Math.hypot(x - lastTouch.x, y - lastTouch.y) < DOUBLE_TAP_PX;
  const isSecond = isNear && time - lastTouch.time < DOUBLE_TAP_MS;
  lastTouch = { time, x, y };
  return isSecond;
}

function shareLocation(entry, event) {
  if (entry.place === "locating" || isSecondOfDoubleTap(event)) return;
  followFocus = event.detail === 0;
  const fail = () => {
    entry.place = "failed";
    render({ reveal: entry });
  };
  const found = ({ coords }) => {
    entry.place = "shared";
    const latitude = Number(coords.latitude.toFixed(COORDINATE_DECIMALS));
    const longitude = Number(coords.longitude.toFixed(COORDINATE_DECIMALS));
    say({ type: "location", latitude, longitude }, ui.share_location, entry);
  };
  entry.place = "locating";
  render();
  if (!navigator.geolocation) return fail();
  navigator.geolocation.getCurrentPosition(found, fail, { timeout: 20_000, maximumAge: 120_000 });
}

function make(tag, className, properties = {}) {
  return Object.assign(document.createElement(tag), { className }, properties);
}

function render({ follow = false, reveal = null } = {}) {
  const wasAtEnd = isAtEnd();
  const newest = newestPrompt(entries);
  const rows = [];
  let day = "";
  entries.forEach((entry, index) => {
    const own = dayOf(index);
    if (own > day) {
      day = own;
      rows.push(dayRow(day));
    }
    entry.row ??= entry.frame ? drawMessage(entry) : drawMine(entry);
    if (entry.frame) refreshMessage(entry, entry === newest);
    else refreshMine(entry);
    rows.push(entry.row);
  });
  settle(rows);
  if (follow || (wasAtEnd && !reveal)) showEnd();
  else if (reveal) showEntry(reveal);
  noteEnd();
}

// Moves no row that is in its place already: a moved row loses the focus and is read out again.
function settle(rows) {
  const wanted = new Set(rows);
  for (const row of [...log.children]) if (!wanted.has(row)) row.remove();
  let next = log.firstElementChild;
  for (const row of rows) {
    if (row === next) next = next.nextElementSibling;
    else log.insertBefore(row, next);
  }
}

function drawMessage(entry) {
  const { frame } = entry;
  const row = make("div", "entry service");
  row.classList.toggle("asks", asks(entry));
  row.classList.toggle("swap", Boolean(entry.isSwap));
  const bubble = make("div", "bubble", { dir: frame.direction, lang: frame.lang ?? "" });
  const text = make("p", "text", { id: `text-${frame.id}` });
  fillByLine(text, frame.text, frame.direction);
  bubble.append(text);
  if (frame.document) bubble.append(drawDocument(frame.document));
  if (frame.map) bubble.append(drawMap(frame.map));
  if (frame.clip) bubble.append(drawClip(frame.clip));
  if (frame.wants_location) bubble.append(drawPlace(entry));
  if (frame.choices.length > 0) bubble.append(drawChoices(entry, text.id));
  bubble.append(make("time", "clock", { dateTime: frame.at ?? "", textContent: frame.clock ?? "" }));
  row.append(bubble);
  return row;
}

function drawChoices(entry, labelledBy) {
  const { choices } = entry.frame;
  const longest = Math.max(...choices.map(({ label }) => [...label].length));
  const width = longest <= SHORT_LABEL ? "short" : longest <= MEDIUM_LABEL ? "medium" : "long";
  const group = make("div", `choices ${choices.length > 1 ? width : "long"}`);
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", labelledBy);
  entry.buttons = choices.map((choice) => {
    const button = make("button", "choice", { type: "button", dir: "auto", textContent: choice.label });
    button.addEventListener("click", (event) => tap(entry, choice, event));
    group.append(button);
    return button;
  });
  return group;
}

// A plain link: the browser takes the file and leaves the chat as it is, and knows links by keyboard.
function drawDocument({ path, label }) {
  const area = make("div", "choices long");
  area.append(make("a", "document", { href: addressOf(path), dir: "auto", textContent: label }));
  return area;
}

// Nothing is fetched, and paid for, before somebody wants to hear it.
function drawClip({ path, label }) {
  const player = make("audio", "clip", { controls: true, preload: "none", src: addressOf(path) });
  player.setAttribute("aria-label", label);
  return player;
}

function addressOf(path) {
  const address = new URL(path, location.href);
  if (query.has("seat")) address.searchParams.set("seat", query.get("seat"));
  return address.href;
}

// Nothing is fetched from elsewhere until somebody presses a link, and then nobody is told where they come from.
function drawMap(ways) {
  const area = make("div", "choices long");
  for (const { link, label } of ways) {
    const there = make("a", "document", { href: link, dir: "auto", textContent: label });
    if (link.startsWith("https:")) Object.assign(there, { target: "_blank", rel: "noopener noreferrer" });
    area.append(there);
  }
  return area;
}

function drawPlace(entry) {
  const area = make("div", "choices long");
  entry.placeButton = make("button", "choice place", { type: "button", dir: "auto" });
  entry.placeButton.addEventListener("click", (event) => shareLocation(entry, event));
  entry.placeNote = make("p", "note", { hidden: true });
  area.append(entry.placeButton, entry.placeNote);
  return area;
}

function refreshMessage(entry, isNewest) {
  const { row, frame, chosen, place } = entry;
  row.classList.toggle("newest", isNewest);
  entry.buttons?.forEach((button, index) => {
    const isChosen = frame.choices[index].id === chosen;
    button.classList.toggle("chosen", isChosen);
    button.setAttribute("aria-pressed", String(isChosen));
    // An old question is one stop on the way of the Tab key; the arrows reach the rest of it.
    button.tabIndex = isNewest || index === 0 ? 0 : -1;
  });
  if (!entry.placeButton) return;
  setText(entry.placeButton, place === "locating" ? ui.locating : ui.share_location);
  entry.placeButton.classList.toggle("chosen", place === "shared");
  entry.placeButton.setAttribute("aria-busy", String(place === "locating"));
  entry.placeNote.hidden = place !== "failed";
  setText(entry.placeNote, place === "failed" ? ui.location_failed : "");
}

function drawMine(entry) {
  const row = make("div", "entry mine");
  const bubble = make("div", "bubble", { dir: "auto" });
  entry.clockNode = make("time", "clock");
  bubble.append(make("p", "text", { textContent: entry.text }), entry.clockNode);
  row.append(bubble);
  return row;
}

function refreshMine(entry) {
  entry.row.classList.toggle("received", entry.received);
  setText(entry.clockNode, entry.clock ?? "");
}

function setText(node, text) {
  // Written only when it changes: a live region reads every write.
  if (node.textContent !== text) node.textContent = text;
}

// The person's words carry no date: they belong to the day of the answer to them.
function dayOf(index) {
  const dated = entries.slice(index).find((entry) => entry.day);
  return dated?.day ?? "";
}

function dayRow(day) {
  if (!dayRows.has(day)) dayRows.set(day, make("p", "day"));
  const row = dayRows.get(day);
  setText(row, dayName(day));
  return row;
}

function dayName(day) {
  // Morocco's day is UTC's since September 2026, and phones with old zone data have it wrong.
  const today = serviceDay ?? new Date().toISOString().slice(0, 10);
  if (day === today && ui.today) return ui.today;
  const locale = { ary: "ar-MA-u-nu-latn", ar: "ar-MA-u-nu-latn", fr: "fr-MA", en: "en-GB" }[language] ?? "fr-MA";
  const options = { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale, options).format(new Date(`${day}T12:00:00Z`));
}

// Web addresses, and telephone numbers as people in Morocco write them; never a date or an hour.
const LINK =
  /https?:\/\/[^\s<>"\u2066-\u2069]+|(?:(?:\+|00)[1-9]\d{0,2}(?:[ \u00a0\u202f.-]?\d){7,11}|0[5-9](?:[ \u00a0\u202f.-]?\d){8})(?![\d:])/g;

// A line in the other script alone, such as French inside an Arabic announcement, runs its own way; the
// first screen greets in four languages. A line of both, or of digits alone, runs as its message does.
function fillByLine(node, text, direction) {
  const lines = text.split("\n");
  lines.forEach((line, at) => {
    const own = directionOf(line);
    const isOther = own !== null && own !== direction;
    fillWithLinks(isOther ? node.appendChild(make("span", "own-way", { dir: own })) : node, line);
    if (at < lines.length - 1) node.append("\n");
  });
}

function directionOf(line) {
  const isArabic = /\p{Script=Arabic}/u.test(line);
  const isLatin = /[\p{Script=Latin}\p{Script=Tifinagh}]/u.test(line);
  if (isArabic === isLatin) return null;
  return isArabic ? "rtl" : "ltr";
}

function fillWithLinks(node, text) {
  let done = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = match[0].replace(/[.,;:!?)\]،؛؟»]+$/u, "");
    if (/[\p{L}\d+]/u.test(text.charAt(match.index - 1))) continue;
    node.append(text.slice(done, match.index), drawLink(shown));
    done = match.index + shown.length;
  }
  node.append(text.slice(done));
}

function drawLink(shown) {
  // Left to right, or the groups of a number change places inside Arabic.
  const link = make("a", "", { textContent: shown, dir: "ltr" });
  if (/^https?:/.test(shown)) {
    link.href = shown;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  } else {
    link.href = `tel:${shown.replace(/[^\d+]/g, "")}`;
  }
  return link;
}

function isAtEnd() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < AT_END_PX;
}

// A message longer than the page is read from its beginning.
function showEnd() {
  scroller.scrollTop = scroller.scrollHeight;
  const last = entries[entries.length - 1];
  if (last?.frame) showEntry(last);
}

function showEntry({ row }) {
  const [seen, wanted] = [scroller.getBoundingClientRect(), row.getBoundingClientRect()];
  const above = wanted.top - seen.top - ARCH_PX;
  const below = wanted.bottom - seen.bottom;
  if (above < 0 || below > above) scroller.scrollTop += above;
  else if (below > 0) scroller.scrollTop += below;
}

let readsEnd = true;

function noteEnd() {
  readsEnd = isAtEnd();
  downButton.hidden = readsEnd;
}

scroller.addEventListener("scroll", noteEnd, { passive: true });
// The keyboard of a phone takes half of the page: what was at the end stays in sight.
new ResizeObserver(() => readsEnd && showEnd()).observe(scroller);
downButton.addEventListener("click", () => {
  scroller.scrollTop = scroller.scrollHeight;
});

// The last button was pressed by keyboard: the focus goes along to what it leads to.
let followFocus = false;

function moveFocusTo(entry) {
  if (!asks(entry)) return;
  // A finger that leads to a question to be typed should not call up the keyboard of the phone.
  const target = entry.placeButton ?? entry.buttons?.[0] ?? (followFocus ? words : null);
  target?.focus({ preventScroll: true });
  followFocus = false;
}

function moveAlong(event) {
  // A key held down must not run through one question after the other.
  if (event.repeat && (event.key === "Enter" || event.key === " ")) return event.preventDefault();
  const steps = { ArrowDown: 1, ArrowUp: -1, ArrowLeft: -1, ArrowRight: 1 };
  const step = steps[event.key];
  if (!step || !event.target.matches(".choice")) return;
  const isSideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
  const isRightToLeft = event.target.closest(".bubble").dir === "rtl";
  const buttons = [...log.querySelectorAll(".choice")];
  const to = buttons.indexOf(event.target) + (isSideways && isRightToLeft ? -step : step);
  event.preventDefault();
  if (to === buttons.length) words.focus();
  else buttons[to]?.focus();
}

function typeOrSend(event) {
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    sendWords();
  } else if (event.key === "ArrowUp" && words.value === "") {
    const newest = newestPrompt(entries);
    (newest?.placeButton ?? newest?.buttons?.[newest.buttons.length - 1])?.focus();
  }
}

function fitWords() {
  // Empty words have no direction of their own, and the placeholder takes the page's.
  words.dir = words.value ? "auto" : page.dir;
  words.style.height = "auto";
  words.style.height = `${words.scrollHeight + words.offsetHeight - words.clientHeight}px`;
}

log.addEventListener("keydown", moveAlong);
words.addEventListener("keydown", typeOrSend);
words.addEventListener("input", fitWords);
composer.addEventListener("submit", (event) => {
  event.preventDefault();
  sendWords();
  words.focus();
});

addEventListener("online", reconnectNow);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  document.title = "Jisr";
  reconnectNow();
  tellShown();
});
page.classList.toggle("framed", window.parent !== window);
connect();
