// Whose regions lie over the picture: the model's, a person's, or where the two differ.

const SIDES = ["model", "person", "difference"];
const stage = document.querySelector("[data-stage]");
const buttons = [...document.querySelectorAll("[data-side]")];
if (stage && buttons.length) start();

function start() {
  for (const button of buttons) {
    button.addEventListener("click", () => show(button.dataset.side));
    // The key goes round; a click means the button itself.
    button.addEventListener("pressed", (event) => {
      event.preventDefault();
      show(SIDES[(SIDES.indexOf(stage.dataset.side) + 1) % SIDES.length]);
    });
  }
  // Before the viewer moves there: a region can only be shown on its own side.
  document.addEventListener("click", (event) => {
    const asked = event.target.closest?.("[data-show]");
    if (asked) show(asked.dataset.show.startsWith("p") ? "person" : "model");
  }, { capture: true });
  const kept = localStorage.getItem("andon.side");
  show(SIDES.includes(kept) ? kept : "person");
}

function show(side) {
  stage.dataset.side = side;
  localStorage.setItem("andon.side", side);
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.side === side));
  }
  for (const layer of stage.querySelectorAll("[data-side-layer]")) {
    const on = layer.dataset.sideLayer === side;
    layer.classList.toggle("off", !on);
    if (on) layer.querySelectorAll("[data-href]").forEach(fetchOnce);
  }
  stage.querySelector("[data-side-legend]").hidden = side !== "difference";
}

function fetchOnce(image) {
  if (!image.hasAttribute("href")) image.setAttribute("href", image.dataset.href);
}
