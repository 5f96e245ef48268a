// The page /connect without a reload, so that the key stays in its field: the server never sends it back.
// The form is reached from outside: a field of the model may bear any name, and hide what the form has by that name.
"use strict";
(() => {
  const FORM = "form[data-connect]";

  const put = (page) => {
    if (!page.querySelector(`${FORM} [data-used]`)) {
      for (const field of page.querySelectorAll(`${FORM} [data-private]`)) field.value = document.getElementById(field.id).value;
    }
    const [place] = ["#problems", "#answer", "#found"].flatMap((id) => page.querySelector(id) ?? []);
    place?.removeAttribute("autofocus"); // browsers obey it in new pages only, and complain in others
    document.title = page.title;
    document.querySelector("header").replaceWith(page.querySelector("header"));
    document.getElementById("main").replaceChildren(...page.getElementById("main").childNodes);
    place?.focus({ preventScroll: true });
    place?.scrollIntoView({ block: place.id === "found" && innerWidth >= 1000 ? "nearest" : "start" });
  };

  document.addEventListener("submit", async (event) => {
    const asked = event.target;
    if (event.defaultPrevented || asked !== document.querySelector(FORM)) return;
    event.preventDefault();
    const lost = document.querySelector("[data-lost]");
    lost.hidden = true;
    try {
      const body = new FormData(asked, event.submitter);
      const answer = await fetch(location.pathname, { method: "POST", body, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (asked === document.querySelector(FORM)) return await window.swap(page, () => put(page)); // which ends the waiting
    } catch {
      if (document.querySelector("[data-stopped]:not([hidden])")) return; // it was Stop
      lost.hidden = false;
    }
    dispatchEvent(new Event("pageshow")); // ends the waiting
  });

  // Enter in a field of the model tries it; the first button of the form would inspect again.
  document.addEventListener("keydown", (event) => {
    const button = event.target.closest?.("[data-model]") && document.querySelector(`${FORM} [value=try]`);
    if (event.key !== "Enter" || !button || !event.target.matches("input")) return;
    event.preventDefault();
    button.click();
  });
})();
