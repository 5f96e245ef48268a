// The page of a file that is being scored: what changed is fetched now and then. Without this script the page comes anew
// by itself.
"use strict";
(() => {
  const PAUSE = 1500; // milliseconds between two looks
  const SAID = 30000; // between two sentences for who listens to the page

  const live = document.querySelector("[data-live]");
  const voice = document.createElement("p"); // there before it speaks: else screen readers miss it
  voice.className = "aloud";
  voice.setAttribute("role", "status");
  document.body.append(voice);
  let told = Date.now();

  const show = (page) => {
    const found = page.querySelector("[data-live]");
    if (!found || found.dataset.live !== live.dataset.live) return location.reload();
    const fresh = [...found.querySelectorAll("[data-now]")];
    [...live.querySelectorAll("[data-now]")].forEach((old, i) => fresh[i] && old.replaceWith(fresh[i]));
    if (Date.now() - told > SAID) {
      told = Date.now();
      voice.textContent = live.querySelector(".said").textContent;
    }
    return setTimeout(look, PAUSE);
  };

  const look = async () => {
    let page;
    try {
      const reply = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (reply.status < 500) page = new DOMParser().parseFromString(await reply.text(), "text/html");
    } catch { /* away for a moment */ }
    live.querySelector("[data-lost]").hidden = Boolean(page);
    return page ? show(page) : setTimeout(look, 2 * PAUSE);
  };

  setTimeout(look, PAUSE);
})();
