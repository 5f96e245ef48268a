// Boxes over a picture: labels and weak boxes are hidden at once, and the picture to take along has the same boxes.
"use strict";
(() => {
  const update = (part) => {
    const least = part.querySelector("[data-least]");
    const off = [...part.querySelectorAll("[data-shown]:not(:checked)")].map((tick) => tick.dataset.shown);
    const from = least?.value ? Number(least.value) : 0;
    let weaker = 0;
    for (const mark of part.querySelectorAll("[data-group]")) {
      const isWeak = mark.dataset.score !== "" && Number(mark.dataset.score) < from;
      mark.toggleAttribute("hidden", isWeak || off.includes(mark.dataset.group));
      weaker += isWeak && mark.matches("g");
    }
    if (!least) return;
    part.querySelector("[data-weaker]").textContent = weaker ? `${weaker} weaker ${weaker > 1 ? "boxes are" : "box is"} hidden.` : "";
    const png = document.querySelector(`[data-png="${part.dataset.boxes}"]`);
    if (!png) return;
    const search = new URLSearchParams(png.search);
    search.set("least", from);
    png.search = search;
  };

  const updateAll = () => {
    for (const part of document.querySelectorAll("[data-boxes]")) {
      part.querySelector("[data-apply]")?.setAttribute("hidden", "");
      update(part);
    }
  };

  document.addEventListener("input", ({ target }) => {
    if (target.matches("[data-least], [data-least-range], [data-shown]")) update(target.closest("[data-boxes]"));
  });
  document.addEventListener("keydown", (event) => { // where it would try the endpoint once more
    if (event.key === "Enter" && event.target.matches("div > [data-least]")) event.preventDefault();
  });
  document.addEventListener("submit", (event) => { if (event.target.matches("[data-threshold]")) event.preventDefault(); });
  updateAll();
  addEventListener("pageshow", updateAll); // what a browser fills in again after "back", or another script puts in
})();
