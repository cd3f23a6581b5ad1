// The browser prints, and saves as PDF; the button only opens its window.

const button = document.querySelector("[data-print]");
button.hidden = false;
button.addEventListener("click", () => print());
