// The list of models lies over the page: it closes when somebody goes on, so that nothing in use is behind it.
"use strict";
(() => {
  const open = () => document.querySelector(".models[open]"); // asked anew: /connect changes the masthead
  const leave = ({ target }) => {
    const list = open();
    if (list && !list.contains(target)) list.open = false;
  };
  document.addEventListener("focusin", leave);
  document.addEventListener("click", leave);
  document.addEventListener("keydown", (event) => {
    const list = event.key === "Escape" && open();
    if (!list) return;
    list.open = false;
    list.querySelector("summary").focus();
  });
})();
