// One part before one person: the answer and what must be confirmed, what is said of each finding,
// the sign of life that keeps the part, and how long it was looked at.

const form = document.querySelector("[data-decide]");
const hint = form?.querySelector("[data-armed]");
let wanted = null; // the decision that waits for its confirmation

// --- reject needs a defect type, or a second press; what is critical needs Enter ---

function arm(button, critical) {
  wanted = button;
  form.classList.toggle("is-armed", button !== null);
  hint.hidden = button === null;
  hint.querySelector("[data-armed-type]").hidden = critical;
  hint.querySelector("[data-armed-critical]").hidden = !critical;
  const confirm = hint.querySelector("[data-confirm-critical]");
  confirm.hidden = !critical;
  if (critical) confirm.focus();
}

function chosenType() {
  return form.querySelector("[name=defect_type]:checked");
}

function isCritical(decision) {
  if (form.hasAttribute("data-critical")) return true;
  return decision.value === "NOT_OK" && chosenType()?.hasAttribute("data-type-critical");
}

form?.addEventListener("pressed", (event) => {
  const reject = event.target.closest("[data-reject]");
  if (!reject || !form.querySelector("[name=defect_type]") || chosenType() || wanted) return;
  event.preventDefault();
  arm(reject, false);
});

form?.addEventListener("click", (event) => {
  const decision = event.target.closest(".decision");
  if (!decision || !isCritical(decision) || form.dataset.confirmed) return;
  event.preventDefault();
  arm(decision, true);
});

form?.querySelector("[data-confirm-critical]").addEventListener("click", () => {
  form.dataset.confirmed = "yes";
  wanted.click();
  delete form.dataset.confirmed;
});

form?.addEventListener("change", (event) => {
  if (event.target.name !== "defect_type") return;
  applyType(event.target);
  if (wanted?.hasAttribute("data-reject")) wanted.click();
});

document.addEventListener("leave", () => { if (form) arm(null, false); });

// --- what is said of each finding ---

let finding = null; // the number of the chosen one
document.addEventListener("chosen", (event) => { finding = event.detail; });

function answer(number, says) {
  const field = form.querySelector(`[data-finding-answer="${number}"]`);
  field.value = field.value === says ? "" : says;
  const row = document.querySelector(`[data-finding-row="${number}"]`);
  row.dataset.answer = field.value;
  for (const button of row.querySelectorAll("[data-answer-to]")) {
    button.setAttribute("aria-pressed", String(button.dataset.says === field.value));
  }
}

for (const button of document.querySelectorAll("[data-answer-to]")) {
  button.addEventListener("click", () => answer(button.dataset.answerTo, button.dataset.says));
}

// True, then false, then open again.
document.querySelector("[data-toggle-finding]")?.addEventListener("click", () => {
  if (finding === null) document.querySelector("[data-step='1']")?.click();
  const now = form.querySelector(`[data-finding-answer="${finding}"]`)?.value;
  if (now !== undefined) answer(finding, now === "yes" ? "no" : now === "no" ? "no" : "yes");
});

// A number names the type of the chosen finding, and says that it is a true defect.
function applyType(radio) {
  const field = finding && form.querySelector(`[data-finding-type="${finding}"]`);
  if (!field) return;
  field.value = radio.value;
  document.querySelector(`[data-finding-row="${finding}"] [data-type-name]`).textContent = radio.dataset.typeName;
  if (form.querySelector(`[data-finding-answer="${finding}"]`).value !== "yes") answer(finding, "yes");
}

// --- a sign of life every 20 seconds, until nobody has moved for ten minutes ---

const BEAT = 20_000;
const ASLEEP = 600_000;
let moved = performance.now();
for (const sign of ["pointermove", "keydown", "touchstart"]) {
  addEventListener(sign, () => { moved = performance.now(); }, { passive: true });
}

async function beat() {
  if (performance.now() - moved > ASLEEP) return;
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  try {
    const said = await fetch(form.dataset.beat, { method: "POST", headers: { "X-CSRFToken": token } });
    if (said.ok && !(await said.json()).mine) lose();
  } catch {
    // The network is away: the next sign of life may come through.
  }
}

function lose() {
  clearInterval(beating);
  document.querySelector("[data-lost]").hidden = false;
  for (const button of form.querySelectorAll("button")) button.disabled = true;
}

const beating = form ? setInterval(beat, BEAT) : null;
addEventListener("visibilitychange", () => { if (form && !document.hidden) beat(); });

// --- how long the part was before the eyes: seconds in which the page was seen ---

let seen = 0;
let since = document.hidden ? null : performance.now();
addEventListener("visibilitychange", () => {
  if (document.hidden && since !== null) seen += performance.now() - since;
  since = document.hidden ? null : performance.now();
});
form?.addEventListener("submit", () => {
  const now = since === null ? 0 : performance.now() - since;
  form.querySelector("[data-seconds]").value = ((seen + now) / 1000).toFixed(1);
});

// --- the last decision can be taken back here for ten seconds; afterwards in the history ---

const toast = document.querySelector("[data-undo]");
if (toast) setTimeout(() => { toast.hidden = true; }, 10_000);

// The present part in the middle of the line.
document.querySelector(".strip-here")?.scrollIntoView({ block: "nearest", inline: "nearest" });
