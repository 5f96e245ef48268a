// The page of a background job: its clock runs, and what changed is fetched now and then. Without this script the page
// comes anew by itself.
"use strict";
(() => {
  const FIRST = 1000; // milliseconds before the first look; each further one is a little later
  const LAST = 5000;
  const OPEN = ["queued", "running"];

  const live = () => document.querySelector("[data-live]");
  const state = () => live().dataset.live;

  const voice = document.createElement("p"); // there before it speaks: else screen readers miss it
  voice.className = "aloud";
  voice.setAttribute("role", "status");
  document.body.append(voice);

  const seconds = (text) => [...text.matchAll(/(\d+) (h|min|s)/g)].reduce(
    (sum, [, number, unit]) => sum + number * { h: 3600, min: 60, s: 1 }[unit], 0);
  const words = (total) => {
    const [h, min, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
    return h ? `${h} h ${min} min` : min ? `${min} min ${s} s` : `${s} s`;
  };
  let start = 0;
  const wind = () => {
    const clock = live().querySelector("[data-clock]");
    start = Date.now() - (clock ? seconds(clock.textContent) * 1000 : 0);
  };
  const tick = () => {
    const clock = live().querySelector("[data-clock]");
    if (clock) clock.textContent = words(Math.floor((Date.now() - start) / 1000));
  };

  // Only the words change, so that neither the focus nor a press is lost; another state is another page.
  const show = (page) => {
    const found = page.querySelector("[data-live]");
    if (!found || found.dataset.live !== state()) return location.reload();
    const [from, to] = [found, live()].map((part) => part.querySelector(".said"));
    if (from.textContent !== to.textContent) {
      to.replaceWith(from);
      voice.textContent = from.textContent;
    }
    live().querySelector("[data-clock]").textContent = found.querySelector("[data-clock]").textContent;
    return wind();
  };

  const look = async (wait) => {
    let lost = true;
    try {
      const reply = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (reply.redirected) return location.replace(`${reply.url.split("#")[0]}#answer`);
      if (reply.status < 500) {
        lost = false;
        show(new DOMParser().parseFromString(await reply.text(), "text/html"));
      }
    } catch { /* away for a moment */ }
    live().querySelector("[data-lost]").hidden = !lost;
    return setTimeout(look, wait, Math.min(wait * 1.2, LAST));
  };

  if (!live() || !OPEN.includes(state())) return;
  wind();
  setInterval(tick, 1000);
  setTimeout(look, FIRST, FIRST);
})();
