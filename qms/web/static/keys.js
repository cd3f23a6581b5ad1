// The keyboard. A control names its key in data-key and is clicked by it; data-hold tells when the
// key goes down and up again. No key acts while somebody types, with Ctrl, Alt or Meta, by
// auto-repeat, after a form was sent, or before the picture was seen where data-after asks for it.

const NATIVE = "button, a, summary, input[type=checkbox], input[type=radio]";
const TYPING = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]";
const help = document.querySelector("[data-help-box]");
const GLANCE = 250; // milliseconds: nobody judges faster, so what comes sooner was not meant
let sent = false;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return leave(event);
  if (sent || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest?.(TYPING) || help?.open) return;
  if ((event.key === " " || event.key === "Enter") && event.target.closest?.(NATIVE)) return;
  const held = event.key === " " && document.querySelector("[data-hold=Space]");
  if (held) {
    event.preventDefault();
    if (!event.repeat) held.dispatchEvent(new Event("hold"));
    return;
  }
  if (!event.repeat) press(event);
});

document.addEventListener("keyup", (event) => {
  if (event.key === " ") letGo();
});
addEventListener("blur", letGo);

function press(event) {
  const control = find(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!control) return;
  event.preventDefault();
  if (control.dataset.after === "picture" && !seen()) return;
  // A control may have its own answer to the key: cancelling this keeps it from being clicked.
  if (!control.dispatchEvent(new Event("pressed", { cancelable: true, bubbles: true }))) return;
  if (control.matches(TYPING)) control.focus();
  else control.click();
}

function find(key) {
  const all = document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`);
  return [...all].find((control) => !control.disabled && control.checkVisibility());
}

function letGo() {
  document.querySelector("[data-hold=Space]")?.dispatchEvent(new Event("release"));
}

function leave(event) {
  if (event.target.closest?.(TYPING)) event.target.blur();
  document.dispatchEvent(new Event("leave"));
}

function seen() {
  const shown = document.querySelector("[data-shown]")?.dataset.shown;
  return shown !== undefined && performance.now() - Number(shown) > GLANCE;
}

// The second half of a double click must not judge the part that came up under it. A picture that
// cannot be shown is left to the mouse: "unsure" is still an answer.
document.addEventListener("click", (event) => {
  const lost = document.querySelector("[data-fault]:not([hidden])");
  if (event.target.closest?.("[data-after=picture]") && !seen() && !lost) {
    event.preventDefault();
    event.stopPropagation();
  }
}, { capture: true });

// One answer for one part: a second press or click after the form went out does nothing.
document.addEventListener("submit", (event) => {
  if (event.target.method === "dialog" || event.defaultPrevented) return;
  if (sent) event.preventDefault();
  sent = true;
});
addEventListener("pageshow", () => { sent = false; });

document.querySelector("[data-help]")?.addEventListener("click", () => {
  const list = help.querySelector("[data-help-list]");
  list.replaceChildren(...[...document.querySelectorAll("[data-key-name]")].flatMap(line));
  help.showModal();
});

function line(control) {
  const term = document.createElement("dt");
  const key = document.createElement("kbd");
  const words = document.createElement("dd");
  key.textContent = (control.dataset.hold ?? control.dataset.key).replace(/^[a-z]$/, (k) => k.toUpperCase());
  words.textContent = control.dataset.keyName;
  term.append(key);
  return [term, words];
}
