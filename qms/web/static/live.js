// What moves by itself: a fragment that is asked for again and again, a page that waits for its
// verdict, filters that apply when chosen. Nothing is asked while nobody looks.

for (const box of document.querySelectorAll("[data-poll]")) {
  const word = document.querySelector("[data-live-word]");
  every(Number(box.dataset.every), async () => {
    const answer = await fetch(box.dataset.poll, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload(); // signed out meanwhile
    if (!answer.ok) throw new Error(answer.statusText);
    show(box, await answer.text());
  }, (connected) => { if (word) word.dataset.state = connected ? "" : "still"; });
}

// What may take long is asked for once the page is there, and holds up nothing else.
for (const box of document.querySelectorAll("[data-load]")) load(box);

async function load(box) {
  try {
    const answer = await fetch(box.dataset.load, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    box.innerHTML = await answer.text();
  } catch {
    box.querySelector("[data-load-waits]").hidden = true;
    box.querySelector("[data-load-failed]").hidden = false;
  }
}

for (const box of document.querySelectorAll("[data-watch]")) {
  every(Number(box.dataset.every), async () => {
    const answer = await fetch(box.dataset.watch, { headers: { Accept: "application/json" } });
    if (answer.ok && (await answer.json()).status !== box.dataset.seen) location.reload();
  }, () => {});
}

const facets = document.querySelector("[data-facets]");
facets?.addEventListener("change", (event) => {
  if (event.target.matches("select, [type=checkbox]")) facets.requestSubmit();
});
// Empty fields stay out of the address, so that a list is a link worth sending.
facets?.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData.entries()]) {
    if (value === "") event.formData.delete(name);
  }
});

// The next round starts when the last one has ended: a slow server is not asked twice at once.
function every(milliseconds, ask, tell) {
  let pause = milliseconds;
  const round = async () => {
    if (!document.hidden) {
      try {
        await ask();
        pause = milliseconds;
        tell(true);
      } catch {
        pause = Math.min(pause * 2, 30000);
        tell(false);
      }
    }
    setTimeout(round, pause);
  };
  setTimeout(round, pause);
}

// Replaced only if it changed; whoever stands on a link in it stays there.
function show(box, text) {
  if (box.dataset.text === text) return;
  const href = box.contains(document.activeElement) && document.activeElement.getAttribute("href");
  box.innerHTML = text;
  box.dataset.text = text;
  if (href) box.querySelector(`[href="${CSS.escape(href)}"]`)?.focus();
}
