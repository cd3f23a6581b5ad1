// The picture: layers over it, zoom and move, one finding at a time. All of it is one SVG, so a
// zoom is a change of its viewBox and every layer follows.

const MOST = 24; // times larger than the whole picture
const TAP = 250; // milliseconds: longer is held
const viewer = document.querySelector("[data-viewer]");
if (viewer) start(viewer);

function start(viewer) {
  const stage = viewer.querySelector("[data-stage]");
  const svg = stage.querySelector("svg");
  const whole = { x: 0, y: 0, width: Number(svg.dataset.width), height: Number(svg.dataset.height) };
  let view = { ...whole };

  wait(stage);
  layers(viewer, stage);
  drag();
  findings();
  new ResizeObserver(() => look(view)).observe(stage);

  for (const button of viewer.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoomBy(button.dataset.zoom));
  }
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.0015), point(event));
  }, { passive: false });

  function look(next) {
    view = next;
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    // Numbers beside the outlines keep their size on the screen at any zoom.
    stage.style.setProperty("--unit", String(perPixel()));
    svg.classList.toggle("see-pixels", perPixel() < 0.25);
    showPlace(stage, view, whole);
  }

  function perPixel() {
    return Math.max(view.width / stage.clientWidth, view.height / stage.clientHeight);
  }

  function zoomBy(how) {
    const middle = { x: view.x + view.width / 2, y: view.y + view.height / 2 };
    if (how === "fit") return look({ ...whole });
    if (how === "one") return zoom(perPixel() * devicePixelRatio, middle);
    return zoom(how === "in" ? 1.4 : 1 / 1.4, middle);
  }

  function zoom(factor, at) {
    const width = Math.min(whole.width * 2, Math.max(whole.width / MOST, view.width / factor));
    const share = width / view.width;
    look({
      x: at.x - (at.x - view.x) * share,
      y: at.y - (at.y - view.y) * share,
      width,
      height: view.height * share,
    });
  }

  function point(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  }

  function drag() {
    let from = null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY, view };
    });
    stage.addEventListener("pointermove", (event) => {
      if (!from) return;
      if (!stage.hasPointerCapture(event.pointerId)) {
        // Captured only once it moves, so that a click still reaches the finding under it.
        if (Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
        stage.setPointerCapture(event.pointerId);
        stage.classList.add("dragging");
      }
      const unit = perPixel();
      const x = from.view.x - (event.clientX - from.x) * unit;
      look({ ...view, x, y: from.view.y - (event.clientY - from.y) * unit });
    });
    const end = () => { from = null; stage.classList.remove("dragging"); };
    stage.addEventListener("pointerup", end);
    stage.addEventListener("pointercancel", end);
  }

  function findings() {
    const all = [...stage.querySelectorAll("[data-finding]")];
    let present = -1;
    const choose = (index, close) => {
      present = (index + all.length) % all.length;
      const number = all[present].dataset.finding;
      for (const one of all) one.classList.toggle("chosen", one === all[present]);
      for (const row of document.querySelectorAll("[data-finding-row]")) {
        row.classList.toggle("chosen", row.dataset.findingRow === number);
      }
      document.dispatchEvent(new CustomEvent("chosen", { detail: number }));
      if (close) look(around(all[present].dataset.box.split(" ").map(Number)));
    };
    all.forEach((one, index) => one.addEventListener("click", () => choose(index, false)));
    for (const button of document.querySelectorAll("[data-show]")) {
      const index = all.findIndex((one) => one.dataset.finding === button.dataset.show);
      button.addEventListener("click", () => choose(index, true));
    }
    for (const button of viewer.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => step(Number(button.dataset.step)));
    }
    // Among those of the side that is shown: the model's, or a person's.
    function step(by) {
      const person = stage.dataset.side === "person";
      const here = all.filter((one) => person === Boolean(one.closest("[data-side-layer]")));
      if (!here.length) return;
      const at = here.indexOf(all[present]);
      const next = at < 0 ? (by > 0 ? 0 : here.length - 1) : (at + by + here.length) % here.length;
      choose(all.indexOf(here[next]), true);
    }
  }

  // A finding with as much around it as is needed to know the place again.
  function around([x, y, width, height]) {
    const side = Math.min(Math.max(width, height, whole.width / 12) * 3, whole.width);
    return { x: x + width / 2 - side / 2, y: y + height / 2 - side / 2, width: side, height: side };
  }
}

// Where one is, while less than the whole picture is on the screen.
function showPlace(stage, view, whole) {
  const map = stage.querySelector("[data-minimap]");
  map.toggleAttribute("hidden", view.width >= whole.width * 0.98);
  const box = map.querySelector("[data-minimap-view]");
  for (const name of ["x", "y", "width", "height"]) box.setAttribute(name, String(view[name]));
}

// Tells once the picture itself is on the screen: no key may judge what nobody has seen.
async function wait(stage) {
  const probe = new Image();
  probe.src = stage.querySelector("[data-picture]").getAttribute("href");
  try {
    await probe.decode();
    requestAnimationFrame(() => { stage.dataset.shown = String(performance.now()); });
  } catch {
    stage.querySelector("[data-fault]").hidden = false;
  }
}

function layers(viewer, stage) {
  const heat = stage.querySelector("[data-layer=heat]");
  const slider = viewer.querySelector("[data-opacity]");
  const kept = JSON.parse(localStorage.getItem("andon.layers") ?? "{}");
  const keep = () => localStorage.setItem("andon.layers", JSON.stringify(kept));

  for (const button of viewer.querySelectorAll("[data-toggle]")) {
    const name = button.dataset.toggle;
    const show = (on) => {
      stage.querySelector(`[data-layer=${name}]`).classList.toggle("off", !on);
      button.setAttribute("aria-pressed", String(on));
      if (on && name === "mask") fetchOnce(stage.querySelector("[data-mask]"));
    };
    show(kept[name] ?? button.dataset.begins !== "off");
    button.addEventListener("click", () => {
      kept[name] = button.getAttribute("aria-pressed") !== "true";
      show(kept[name]);
      keep();
    });
  }
  const dim = () => {
    for (const layer of [heat, stage.querySelector("[data-layer=mask]")]) {
      layer?.setAttribute("opacity", String(kept.opacity / 100));
    }
  };
  slider?.addEventListener("input", () => {
    kept.opacity = Number(slider.value);
    dim();
    keep();
  });
  if (slider && kept.opacity !== undefined) {
    slider.value = String(kept.opacity);
    dim();
  }
  peek(viewer.querySelector("[data-peek]"), stage);
}

// The exact mask is only asked for by who wants to see it.
function fetchOnce(image) {
  if (!image.hasAttribute("href")) image.setAttribute("href", image.dataset.href);
}

// Held, the bare picture; tapped, the heat map goes and comes.
function peek(button, stage) {
  const bare = (on) => () => stage.classList.toggle("bare-picture", on);
  let down = null;
  button?.addEventListener("hold", () => { down = performance.now(); });
  button?.addEventListener("release", () => {
    if (down !== null && performance.now() - down < TAP) document.querySelector("[data-toggle=heat]").click();
    down = null;
  });
  for (const name of ["hold", "pointerdown"]) button?.addEventListener(name, bare(true));
  for (const name of ["release", "pointerup", "pointerleave"]) button?.addEventListener(name, bare(false));
}
