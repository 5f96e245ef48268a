// Shows an answer while it comes; the server's own page takes its place at the end. Without this the form is sent as
// ever, and the whole answer comes at once.
"use strict";
(() => {
  const frame = document.querySelector("template[data-stream]");
  let running; // what ends the one call that is under way

  // The place of the answer, with all that is said of it while it comes.
  const place = () => {
    const section = frame.content.cloneNode(true).firstElementChild;
    const heading = section.querySelector("h2");
    const pair = document.querySelector(".pair");
    for (const old of pair.querySelectorAll(":scope > .say")) old.remove();
    heading.id = "answer";
    section.setAttribute("aria-labelledby", "answer");
    section.setAttribute("aria-busy", "true");
    section.querySelector(".coming").append("");
    pair.prepend(section);
    section.scrollIntoView({ block: "nearest" });
    return section;
  };

  const say = (section, note) => { section.querySelector(`[data-note=${note}]`).hidden = false; };

  const settle = (section) => {
    section.removeAttribute("aria-busy");
    section.querySelector("[data-running]").remove();
  };

  // An object to a line; empty lines only show that somebody is there.
  const read = async (body, take) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) take(JSON.parse(line));
    }
  };

  // The page at the end: the answer, or a failure with what had come. Fields stay as they are, unless one is blamed.
  // False where it is no page of ours.
  const finish = async (form, section, { page, status, at }) => {
    const whole = new DOMParser().parseFromString(page, "text/html");
    const main = whole.querySelector("main");
    if (!main) return false;
    const answer = main.querySelector(".pair > .say:not(.blank)");
    const isFree = [document.body, form.querySelector(".go")].includes(document.activeElement) || section.contains(document.activeElement);
    await window.swap(whole, () => {
      document.title = whole.title;
      if (!answer || main.querySelector(".field > .error")) {
        document.querySelector("main").replaceWith(main);
      } else {
        const text = section.querySelector(".coming");
        if (status >= 400 && text.textContent) {
          say(section, "before");
          answer.append(section.querySelector("[data-note=before]"), text);
        }
        section.replaceWith(answer);
        form.querySelector("[name=_once]").value = main.querySelector("[name=_once]").value; // the next question is another
      }
    });
    if (at) history.replaceState(null, "", at); // a reload shows it again
    if (isFree) document.querySelector("#answer, main .error a, main h1")?.focus({ preventScroll: true });
    return true;
  };

  const run = async (form, button) => {
    const stop = running = new AbortController();
    const body = new FormData(form, button);
    const section = place();
    const text = section.querySelector(".coming").firstChild;
    const start = Date.now();
    const clock = setInterval(() => {
      section.querySelector("[data-clock]").textContent = Math.floor((Date.now() - start) / 1000);
    }, 1000);
    let last;
    button?.setAttribute("aria-busy", "true"); // not disabled: it keeps the focus
    try {
      const reply = await fetch(frame.dataset.stream, { method: "POST", body, signal: stop.signal });
      if (reply.headers.get("Content-Type")?.startsWith("application/x-ndjson")) {
        await read(reply.body, (line) => {
          if ("page" in line) last = line;
          else text.appendData(line.text);
        });
      } else {
        last = { page: await reply.text(), status: reply.status, at: "" };
      }
    } catch {
      last = undefined; // stopped, or the connection broke: that it did is said below
    }
    running = undefined;
    clearInterval(clock);
    button?.removeAttribute("aria-busy");
    if (last && await finish(form, section, last)) return;
    const wasThere = section.contains(document.activeElement);
    settle(section);
    section.querySelector("h2").textContent = stop.signal.aborted ? "Stopped." : "No answer.";
    say(section, stop.signal.aborted ? "stopped" : "lost");
    if (wasThere || stop.signal.aborted) button?.focus({ preventScroll: true });
    return true;
  };

  // Before app.js, which then has nothing to wait for.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-wait]") || event.submitter?.name === "_background") return; // that gives a ticket
    event.preventDefault();
    if (!running) run(form, event.submitter);
  }, true);

  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-end]")) running?.abort();
  });
})();
