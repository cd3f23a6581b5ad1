// The wall: more tiles than fit take turns, and the clock goes. Whoever wants to read on stops it.

const board = document.querySelector("[data-board]");
const bar = document.querySelector("[data-pages]");
const word = document.querySelector("[data-page-word]");
const button = document.querySelector("[data-page-stop]");
const clock = document.querySelector("[data-clock]");
const FIT = 12, TURN_EVERY = 12000; // as many as the grid of board.css has places

let page = 0;

function lay() {
  const pages = Math.max(1, Math.ceil(board.children.length / FIT));
  page %= pages;
  [...board.children].forEach((tile, at) => {
    const hidden = Math.floor(at / FIT) !== page;
    if (tile.hidden !== hidden) tile.hidden = hidden;
  });
  bar.hidden = pages === 1;
  const text = `Page ${page + 1} of ${pages}`;
  if (word.textContent !== text) word.textContent = text;
}

const stays = () => button.getAttribute("aria-pressed") === "true";

button.addEventListener("click", () => button.setAttribute("aria-pressed", String(!stays())));
setInterval(() => {
  if (stays() || board.contains(document.activeElement)) return;
  page += 1;
  lay();
}, TURN_EVERY);

function tick() {
  const now = new Date();
  const text = `${String(now.getHours()).padStart(2, "0")}:${String(now.getMinutes()).padStart(2, "0")}`;
  if (clock.textContent !== text) clock.textContent = text;
}
setInterval(tick, 1000);
tick();

new MutationObserver(lay).observe(board, { childList: true });
lay();
