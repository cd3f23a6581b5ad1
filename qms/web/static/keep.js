// What was typed is not lost when the house refuses: a form that comes back with a sentence has its
// words again. Passwords and files are never kept, and nothing outlives the next answer.

const KEY = "andon.typed";
const FIELDS = "input:not([type=hidden], [type=password], [type=file]), textarea, select";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  const words = [...form.querySelectorAll(FIELDS)].filter((field) => field.name).map(said);
  if (words.length) sessionStorage.setItem(KEY, JSON.stringify({ at: place(form), words }));
});

function said(field) {
  const chosen = field.type === "checkbox" || field.type === "radio";
  return [field.name, chosen ? field.value : "", chosen ? field.checked : field.value];
}

function place(form) {
  return `${location.pathname} ${form.getAttribute("action") ?? ""}`;
}

const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
sessionStorage.removeItem(KEY);
if (kept && document.querySelector(".message-error")) {
  const form = [...document.forms].find((one) => one.method === "post" && place(one) === kept.at);
  for (const [name, value, was] of form ? kept.words : []) restore(form, name, value, was);
  form?.closest("details")?.setAttribute("open", "");
}

function restore(form, name, value, was) {
  for (const field of form.querySelectorAll(FIELDS)) {
    if (field.name !== name) continue;
    if (typeof was !== "boolean") field.value = was;
    else if (field.value === value) field.checked = was;
  }
}
