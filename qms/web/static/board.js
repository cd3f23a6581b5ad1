// The line board: the server pushes what changed; where it cannot, the tiles are asked for every
// few seconds. Nothing is open and nothing is asked while nobody looks.

const board = document.querySelector("[data-board]");
const link = document.querySelector("[data-link]");
const empty = document.querySelector("[data-no-tile]");
const ASK_EVERY = 3000, LISTEN_AGAIN = 60000, SILENCE = 40000;
const FAILURES = 2, WITHIN = 10000; // so many in so short a time: ask instead of listening

let stream = null, failures = [], heard = 0, asking = 0, pause = ASK_EVERY, again = 0;
let ahead = Date.parse(board.dataset.now) - Date.now(); // of the server's clock before ours

// --- what the page says of itself ---

const WORDS = { live: "Live", asking: "Every 3 s", off: "Not connected" };

function say(state) {
  if (link.dataset.link === state) return;
  link.dataset.link = state;
  link.querySelector("[data-link-word]").textContent = WORDS[state];
}

// --- listening ---

function listen() {
  clearTimeout(again);
  if (!("EventSource" in window)) return ask();
  hear();
  const mine = stream = new EventSource(board.dataset.stream);
  mine.onopen = () => { hear(); stopAsking(); say("live"); };
  mine.addEventListener("board", (event) => { hear(); showAll(event.data); });
  mine.addEventListener("tiles", (event) => { hear(); showSome(event.data); });
  mine.addEventListener("beat", (event) => { hear(); ahead = Date.parse(event.data) - Date.now(); });
  mine.onerror = () => failed(mine);
}

function hear() { heard = Date.now(); }

function failed(one) {
  if (one !== stream) return;
  if (link.dataset.link === "live") say("off");
  const now = Date.now();
  failures = [...failures.filter((at) => now - at < WITHIN), now];
  if (failures.length >= FAILURES || asking) {
    stop();
    ask();
    again = setTimeout(listen, LISTEN_AGAIN);
  } else if (one.readyState === EventSource.CLOSED) {
    stop();
    again = setTimeout(listen, 1000);
  }
}

function stop() {
  stream?.close();
  stream = null;
  clearTimeout(again);
}

// A line that was cut without a word: the server would have been heard by now.
setInterval(() => { if (stream && Date.now() - heard > SILENCE) { hear(); failed(stream); } }, 5000);

// --- asking ---

function ask() {
  clearTimeout(asking);
  asking = setTimeout(round, 0);
}

// The next round starts when the last one has ended: a slow server is not asked twice at once.
async function round() {
  try {
    const answer = await fetch(board.dataset.tiles, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload(); // signed out meanwhile
    if (!answer.ok) throw new Error(answer.statusText);
    const text = await answer.text();
    if (!asking) return;
    showAll(text);
    pause = ASK_EVERY;
    say("asking");
  } catch {
    if (!asking) return;
    pause = Math.min(pause * 2, 30000);
    say("off");
  }
  asking = setTimeout(round, pause);
}

function stopAsking() {
  clearTimeout(asking);
  asking = 0;
  failures = [];
}

// --- showing ---

function tilesOf(text) {
  const holder = document.createElement("template");
  holder.innerHTML = text;
  return [...holder.content.querySelectorAll("li")];
}

function showSome(text) {
  for (const tile of tilesOf(text)) {
    const old = document.getElementById(tile.id);
    if (old && old.dataset.version !== tile.dataset.version) replace(old, tile);
  }
  grow();
}

// All that there are, in their order; a tile that did not change stays the element that it is.
function showAll(text) {
  const tiles = tilesOf(text);
  const names = new Set(tiles.map((tile) => tile.id));
  for (const old of [...board.children]) if (!names.has(old.id)) old.remove();
  tiles.forEach((tile, at) => {
    const old = document.getElementById(tile.id);
    if (old && old.dataset.version !== tile.dataset.version) replace(old, tile);
    const shown = document.getElementById(tile.id) ?? tile;
    if (board.children[at] !== shown) board.insertBefore(shown, board.children[at] ?? null);
  });
  empty.hidden = tiles.length > 0;
  grow();
}

// Whoever stands on a link in it stays there, and a picture that is the same is not drawn anew.
function replace(old, tile) {
  const links = [...old.querySelectorAll("a")];
  const focused = links.indexOf(document.activeElement);
  const before = old.querySelector("img"), after = tile.querySelector("img");
  if (before && after && before.getAttribute("src") === after.getAttribute("src")) after.replaceWith(before);
  else if (after) after.loading = "eager";
  tile.hidden = old.hidden;
  if (old.dataset.picture !== tile.dataset.picture) tile.classList.add("is-fresh");
  old.replaceWith(tile);
  if (focused >= 0) tile.querySelectorAll("a")[focused]?.focus({ preventScroll: true });
}

// --- ages grow by themselves ---

const SIZES = [[86400, "days"], [3600, "h"], [60, "min"]];

function grow() {
  const now = Date.now() + ahead;
  for (const one of board.querySelectorAll("[data-age]")) {
    const seconds = Math.max(0, Math.floor((now - Date.parse(one.dateTime)) / 1000));
    const [size, word] = SIZES.find(([size, word]) => seconds >= (word === "days" ? 2 * size : size)) ?? [1, "s"];
    const text = `${Math.floor(seconds / size)} ${word}`;
    if (one.textContent !== text) one.textContent = text;
  }
}
setInterval(grow, 1000);

// --- only while somebody looks ---

document.addEventListener("visibilitychange", () => {
  stop();
  stopAsking();
  if (!document.hidden) listen();
});
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
if (!document.hidden) listen();
