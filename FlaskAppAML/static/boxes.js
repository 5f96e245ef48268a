// Boxes over a picture: labels and weak boxes are hidden at once, and the picture to take along has the same boxes.
"use strict";
(() => {
  const marks = document.querySelectorAll(".marks [data-group]");
  const least = document.getElementById("least");
  const png = document.querySelector("[data-png]");
  if (!marks.length) return;

  const update = () => {
    const off = [...document.querySelectorAll("[data-shown]:not(:checked)")].map((tick) => tick.dataset.shown);
    const from = least?.value ? Number(least.value) : 0;
    let weaker = 0;
    for (const mark of marks) {
      const isWeak = mark.dataset.score !== "" && Number(mark.dataset.score) < from;
      mark.toggleAttribute("hidden", isWeak || off.includes(mark.dataset.group));
      weaker += isWeak && mark.matches("g");
    }
    if (!least) return;
    document.querySelector("[data-weaker]").textContent = weaker ? `${weaker} weaker ${weaker > 1 ? "boxes are" : "box is"} hidden.` : "";
    if (png) png.search = new URLSearchParams({ least: from });
  };

  document.addEventListener("input", ({ target }) => { if (target.matches("#least, #least-range, [data-shown]")) update(); });
  document.addEventListener("submit", (event) => { if (event.target.matches("[data-threshold]")) event.preventDefault(); });
  document.querySelector("[data-apply]")?.setAttribute("hidden", "");
  window.addEventListener("pageshow", update); // what a browser fills in again after "back"
})();
