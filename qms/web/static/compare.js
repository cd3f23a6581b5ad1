// The picture beside something good: a wipe that uncovers the golden picture, or the previous good
// part, in the same place and zoom. And light: brightness and contrast, for all pictures alike.

const viewer = document.querySelector("[data-viewer]");
const stage = viewer?.querySelector("[data-stage]");
const button = viewer?.querySelector("[data-compare]");
if (button) wipe();
if (viewer) light();

function wipe() {
  const svg = stage.querySelector("svg[data-width]");
  const width = Number(svg.dataset.width);
  const picture = stage.querySelector("[data-compare-picture]");
  const layers = stage.querySelectorAll("[data-compare-layer], [data-wipe-line]");
  const choice = viewer.querySelector("[data-compare-with]");
  const source = viewer.querySelector("[data-compare-source]");
  const slider = viewer.querySelector("[data-wipe]");

  const draw = () => {
    const at = (width * Number(slider.value)) / 100;
    stage.querySelector("[data-wiped]").setAttribute("width", String(at));
    const line = stage.querySelector("[data-wipe-line]");
    for (const name of ["x1", "x2"]) line.setAttribute(name, String(at));
  };
  const show = (on) => {
    if (on) picture.setAttribute("href", source.value);
    for (const layer of layers) layer.classList.toggle("off", !on);
    choice.hidden = !on;
    button.setAttribute("aria-pressed", String(on));
    draw();
  };
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
  source.addEventListener("change", () => show(true));
  slider.addEventListener("input", draw);
  drag(svg, slider, width, draw);
}

// The line itself can be taken hold of, by mouse or finger.
function drag(svg, slider, width, draw) {
  const line = stage.querySelector("[data-wipe-line]");
  line.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    line.setPointerCapture(event.pointerId);
  });
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    slider.value = String((100 * at.x) / width);
    draw();
  });
}

function light() {
  const sliders = [...viewer.querySelectorAll("[data-light]")];
  const shine = () => {
    const filter = sliders.map((one) => `${one.dataset.light}(${one.value}%)`).join(" ");
    const plain = sliders.every((one) => one.value === "100");
    for (const image of stage.querySelectorAll("[data-adjusted]")) {
      image.style.filter = plain ? "" : filter;
    }
  };
  for (const slider of sliders) slider.addEventListener("input", shine);
  viewer.querySelector("[data-light-reset]").addEventListener("click", () => {
    for (const slider of sliders) slider.value = "100";
    shine();
  });
}
