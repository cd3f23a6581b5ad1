// Pictures are dropped or chosen, sent three at a time and shown as they arrive; what the house
// refuses is listed with its reason. Removing one leaves the rest of the page as it stands.

const AT_ONCE = 3;
const OTHER = /^(\.|thumbs\.db$|desktop\.ini$)/i; // what systems leave in folders
const drop = document.querySelector("[data-drop]");
const tiles = document.querySelector("[data-tiles]");
const waiting = [];
const tally = { all: 0, sent: 0, known: 0, refused: 0, bytes: 0 };
let busy = 0;

if (drop) {
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, over(true));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, over(false));
  drop.addEventListener("drop", async (event) => send(await dropped(event.dataTransfer)));
  for (const input of drop.querySelectorAll("[data-files]")) {
    input.addEventListener("change", () => { send([...input.files]); input.value = ""; });
  }
  addEventListener("dragover", (event) => event.preventDefault()); // a miss must not leave the page
  addEventListener("drop", (event) => event.preventDefault());
  addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });
}

function over(on) {
  return (event) => {
    event.preventDefault();
    drop.classList.toggle("is-over", on);
  };
}

// Folders are walked; readEntries hands them out in portions, the last of which is empty.
async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...data.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((give, fail) => entry.file(give, fail))];
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((give, fail) => reader.readEntries(give, fail));
    if (!some.length) return (await Promise.all(inside.map(filesOf))).flat();
    inside.push(...some);
  }
}

function send(files) {
  const wanted = files.filter((file) => !OTHER.test(file.name));
  if (!busy && !waiting.length) Object.assign(tally, { all: 0, sent: 0, known: 0, refused: 0 });
  waiting.push(...wanted);
  tally.all += wanted.length;
  tell();
  while (busy < AT_ONCE && waiting.length) next();
}

async function next() {
  const file = waiting.shift();
  if (!file) return;
  busy += 1;
  try {
    take(await posted(file));
  } catch (error) {
    refuse(file, error.message);
  }
  busy -= 1;
  tally.sent += 1;
  tell();
  next();
}

async function posted(file) {
  const most = Number(drop.dataset.maxMb);
  if (file.size > most * 1024 * 1024) throw new Error(`It is larger than ${most} MB: send a smaller one.`);
  const body = new FormData();
  body.append("picture", file);
  body.append("name", file.webkitRelativePath || file.name);
  const token = drop.querySelector("[name=csrfmiddlewaretoken]").value;
  let answer;
  try {
    answer = await fetch(drop.dataset.add, { method: "POST", body, headers: { "X-CSRFToken": token } });
  } catch {
    throw new Error("It did not arrive: check the connection and drop it again.");
  }
  if (answer.redirected) throw new Error("You are signed out: sign in and drop it again.");
  if (!answer.ok) throw new Error(`The server said ${answer.status}: drop it again.`);
  const said = await answer.json();
  if (said.refused) throw new Error(said.refused);
  return said;
}

function take(said) {
  document.querySelector("[data-summary]").innerHTML = said.summary;
  if (said.new) tiles.insertAdjacentHTML("afterbegin", said.tile);
  else tally.known += 1;
}

function refuse(file, sentence) {
  tally.refused += 1;
  const box = document.querySelector("[data-refused]");
  const line = document.createElement("li");
  const name = document.createElement("strong");
  name.textContent = file.webkitRelativePath || file.name;
  line.append(name, ` – ${sentence}`);
  box.querySelector("ul").append(line);
  const count = box.querySelectorAll("li").length;
  box.querySelector("summary").textContent = `${count} ${count === 1 ? "file was" : "files were"} refused`;
  box.hidden = false;
  box.open = true;
}

function tell() {
  const box = document.querySelector("[data-upload]");
  const bar = box.querySelector("[data-upload-bar]");
  const taken = tally.sent - tally.known - tally.refused;
  const words = [`${taken} taken in`];
  if (tally.known) words.push(`${tally.known} there already, counted once`);
  if (tally.refused) words.push(`${tally.refused} refused`);
  const going = tally.sent < tally.all;
  box.hidden = tally.all === 0;
  bar.max = Math.max(1, tally.all);
  bar.value = tally.sent;
  box.querySelector("[data-upload-words]").textContent = going
    ? `Sending ${tally.sent + 1} of ${tally.all} …`
    : `${words.join(", ")}.`;
}

for (const form of document.querySelectorAll("[data-remove]")) {
  form.addEventListener("submit", async (event) => {
    // A gallery of the last fit is shown anew, for what it says of the model is no longer so.
    if (form.querySelector(".oddest") || !event.submitter) return;
    event.preventDefault();
    const tile = event.submitter.closest("[data-tile]");
    tile.classList.add("is-going");
    const body = new FormData(form, event.submitter);
    const answer = await fetch(form.action, { method: "POST", body }).catch(() => null);
    if (!answer?.ok) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const summary = page.querySelector("[data-summary]");
    if (!summary || page.querySelector(".message-error, .panel-ready")) return location.reload();
    document.querySelector("[data-summary]").innerHTML = summary.innerHTML;
    (tile.nextElementSibling ?? tile.previousElementSibling)?.querySelector("button").focus();
    tile.remove();
  });
}

for (const form of document.querySelectorAll("[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}
