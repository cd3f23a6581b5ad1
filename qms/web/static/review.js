// Reject by key: R, then the number of the defect type, or R again without one. A type that was
// chosen before needs one R. The mouse and a touch screen reject at once.

const form = document.querySelector("[data-decide]");
const reject = form?.querySelector("[data-reject]");
const hint = form?.querySelector("[data-armed]");

function arm(armed) {
  form.classList.toggle("is-armed", armed);
  hint.hidden = !armed;
}

reject?.addEventListener("pressed", (event) => {
  const types = form.querySelectorAll("[name=defect_type]");
  const chosen = form.querySelector("[name=defect_type]:checked");
  if (types.length && !chosen && !form.classList.contains("is-armed")) {
    event.preventDefault();
    arm(true);
  }
});

form?.addEventListener("change", (event) => {
  if (event.target.name === "defect_type" && form.classList.contains("is-armed")) reject.click();
});

document.addEventListener("leave", () => { if (form) arm(false); });
