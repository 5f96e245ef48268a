// Makes better what works without it. Sets no style and no markup.
"use strict";
(() => {
  const all = (selector, root = document) => root.querySelectorAll(selector);
  const figure = (number) => number.toLocaleString("en-GB");

  // A polite voice, there before it speaks: else screen readers miss it.
  const voice = document.createElement("p");
  voice.className = "aloud";
  voice.setAttribute("role", "status");
  document.body.append(voice);
  const say = (text) => { voice.textContent = text; };

  // Waiting. The form is sent as ever; timers run till the answer comes.
  const waits = new Map(); // form -> { button, timer }
  const show = (root, part, yes) => { for (const found of all(part, root)) found.hidden = !yes; };

  const settle = (form) => {
    const { button, timer } = waits.get(form);
    clearInterval(timer);
    button?.removeAttribute("aria-busy");
    waits.delete(form);
    show(form, "[data-wait-line]", false);
    show(form, "[data-idle]", true);
    return button;
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("[data-wait]")) return;
    if (waits.has(form)) return event.preventDefault(); // one question at a time
    const start = Date.now();
    const tick = () => {
      for (const clock of all("[data-seconds]", form)) clock.textContent = Math.floor((Date.now() - start) / 1000);
      show(form, "[data-wait-line]", true);
      show(form, "[data-idle]", false); // its place is taken, so nothing moves
    };
    const button = event.submitter;
    button?.setAttribute("aria-busy", "true"); // not disabled: it keeps the focus
    show(form, "[data-stopped]", false);
    waits.set(form, { button, timer: setInterval(tick, 1000) });
  });

  const stop = (form) => {
    if (!waits.has(form)) return;
    window.stop();
    settle(form)?.focus(); // as Stop is gone now
    show(form, "[data-stopped]", true);
  };

  // Counters, in code points. Spoken only near the limit, when typing rests.
  let rest;
  const count = (counter, typing) => {
    const used = [...(document.getElementById(counter.dataset.countFor)?.value ?? "")].length;
    const left = counter.dataset.max - used;
    counter.textContent = `${figure(used)} of ${figure(used + left)}`;
    counter.classList.toggle("over", left < 0);
    clearTimeout(rest);
    if (typing && left <= used / 9) {
      rest = setTimeout(say, 1000, left < 0 ? `${figure(-left)} too many` : `${figure(left)} left`);
    }
  };

  document.addEventListener("input", ({ target: { id, value } }) => {
    for (const counter of all("[data-count-for]")) if (counter.dataset.countFor === id) count(counter, true);
    for (const output of all("output")) if (output.htmlFor.contains(id)) output.value = value; // of a range
  });

  // Copying. Plain http has no navigator.clipboard; the old command does it.
  const copyByHand = (text) => {
    const area = document.createElement("textarea");
    area.className = "aloud";
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };

  const copy = async (button) => {
    const words = button.dataset.words ??= button.textContent;
    const text = document.querySelector(button.dataset.copy)?.textContent;
    if (!text) return;
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false) || copyByHand(text);
    button.focus();
    button.textContent = done ? "Copied" : "Not copied";
    say(button.textContent);
    setTimeout(() => { button.textContent = words; say(""); }, 2000);
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-stop], [data-copy]");
    if (button?.matches("[data-stop]")) stop(button.form);
    else if (button) copy(button);
  });

  // First view, reload, back: nothing waits, counts are right.
  window.addEventListener("pageshow", () => {
    for (const form of waits.keys()) settle(form);
    show(document, "[data-stopped]", false);
    for (const counter of all("[data-count-for]")) count(counter);
  });
})();
