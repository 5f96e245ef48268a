// Makes better what works without it. Sets no style and no markup of its own.
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

  // A slider holds what its box holds; beside an empty one it stands at its start.
  const slide = (range) => {
    const { value } = document.getElementById(range.dataset.rangeOf);
    range.value = value || range.min;
    range.classList.toggle("unset", !value);
    range.ariaValueText = value || "not set yet";
  };

  // The form as JSON, and back. Numbers stay as they were written, behind a mark: as numbers of the script long ones
  // would change.
  const MARK = "\ue000";
  const parse = (text) => JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (part) => part.startsWith('"') ? part : `"${MARK}${part}"`));
  const write = (value) => JSON.stringify(value, null, 2).replace(new RegExp(`"${MARK}([^"]*)"`, "g"), "$1");
  const same = (one, other) => write(one) === write(other);

  const numeral = (word) => {
    const plain = word.trim().replace(/^\+/, "").replace(/^(-?)0+(?=\d)/, "$1").replace(/^(-?)\./, "$10.").replace(/\.(?=e|$)/i, "");
    return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(plain) ? MARK + plain : word;
  };

  const plain = (value) => {
    if (value == null) return "";
    if (typeof value === "boolean") return value ? "yes" : "no";
    return typeof value === "string" ? value.replace(MARK, "") : write(value);
  };

  const lines = (text) => text.split("\n").filter((line) => line.trim());

  const kinds = window.kinds = { // of a text, to JSON and from it; a script of few pages adds its own
    text: [(text) => text, plain],
    number: [numeral, plain],
    texts: [lines, (value) => [value].flat().map(plain).join("\n")],
    json: [(text) => { try { return parse(text); } catch { return text; } }, write],
    listed: [
      (text, choices) => parse(choices.find(([label]) => label === text.trim())?.[1] ?? JSON.stringify(text)),
      (value, choices) => choices.find(([, json]) => same(parse(json), value))?.[0] ?? plain(value),
    ],
  };

  const about = (field) => JSON.parse(field.dataset.choices ?? field.dataset.columns ?? "null");

  const read = (field) => {
    const boxes = [...all("[name]:not([data-empty])", field)];
    const { kind } = field.dataset;
    if (kinds[kind]?.read) return kinds[kind].read(field, read);
    if (!kind.startsWith("choice")) {
      const text = boxes.map((box) => box.value).join("\n");
      return text.trim() || field.querySelector("[data-empty]:checked") ? kinds[kind][0](text, about(field)) : undefined;
    }
    const taken = boxes.filter((box) => box.value && (box.checked ?? true)).map((box) => parse(about(field)[box.value][1]));
    return kind === "choices" && taken.length ? taken : taken[0];
  };

  const put = (field, value) => {
    const boxes = [...all("[name]:not([data-empty])", field)];
    for (const tick of all("[data-empty]", field)) tick.checked = value === "";
    const { kind } = field.dataset;
    if (kinds[kind]?.put) return kinds[kind].put(field, value, put);
    if (kind.startsWith("choice")) {
      const taken = about(field).flatMap(([, json], i) => [value].flat().some((one) => same(one ?? null, parse(json))) ? [`${i}`] : []);
      for (const box of boxes) {
        if (box.matches("select")) box.value = taken[0] ?? "";
        else box.checked = taken.includes(box.value);
      }
    } else if (boxes.length > 1) {
      boxes.forEach((box, i) => { box.value = plain(value?.[i]); });
    } else {
      boxes[0].value = value == null ? "" : kinds[kind][1](value, about(field));
      boxes[0].dispatchEvent(new Event("refill"));
      boxes[0].dispatchEvent(new Event("input", { bubbles: true }));
    }
  };

  const asJson = (fold, yes) => {
    const form = fold.closest("form");
    const area = fold.querySelector("textarea");
    const error = fold.querySelector(".error");
    const fields = [...all(".field:not([data-kind=own], .field *)", form)].map((field) => [field.querySelector("[name]").name, field]);
    const defaults = parse(fold.dataset.defaults);
    if (yes && !area.value.trim()) {
      const found = fields.map(([name, field]) => [name, read(field) ?? null]);
      const isNew = found.every(([name, value]) => same(value, defaults[name])); // nobody has filled anything in
      const filled = found.filter(([name, value]) => value !== null || defaults[name] !== null); // else the default would come back
      area.value = write(isNew ? { ...defaults, ...parse(fold.dataset.examples) } : Object.fromEntries(filled));
      fold.dataset.start = isNew ? area.value : "";
    }
    if (!yes && area.value === fold.dataset.start) area.value = "";
    if (!yes && area.value.trim()) {
      try {
        JSON.parse(area.value); // strictly, and with the right place in its message
        const values = parse(area.value);
        for (const [name, field] of fields) put(field, name in values ? values[name] : defaults[name]);
        area.value = "";
        error.hidden = true;
      } catch ({ message }) {
        error.textContent = `This is not JSON yet: ${message}`;
        error.hidden = false;
        fold.open = true;
        return;
      }
    }
    for (const part of all(":is(.field, .group):not(.field *)", form)) part.hidden = yes && !part.matches(":has([type=file], [type=password])");
  };

  const unfold = ({ target }) => { if (target.matches?.("[data-as-json]")) asJson(target, target.open); };
  const unfoldAll = () => { for (const target of all("[data-as-json]")) unfold({ target }); };
  document.addEventListener("toggle", unfold, true);
  addEventListener("DOMContentLoaded", unfoldAll); // when all kinds are known

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

  document.addEventListener("input", ({ target: { id, value, dataset } }) => {
    if (dataset.rangeOf) document.getElementById(dataset.rangeOf).value = value;
    for (const range of all("[data-range-of]")) if ([range.dataset.rangeOf, range.id].includes(id)) slide(range);
    for (const counter of all("[data-count-for]")) if (counter.dataset.countFor === id) count(counter, true);
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
    const text = document.querySelector(button.dataset.copy).innerText;
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

  // First view, reload, back, another part by script: nothing waits, counts are right.
  window.addEventListener("pageshow", () => {
    for (const form of waits.keys()) settle(form);
    show(document, "[data-stopped]", false);
    for (const counter of all("[data-count-for]")) count(counter);
    for (const range of all("[data-range-of]")) slide(range);
    unfoldAll();
  });
})();
