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
  const slide = (range) => { range.value = document.getElementById(range.dataset.rangeOf).value || range.min; };

  // Pieces of spreadsheets, as rows of cells.
  const separator = (text, width) => (width > 1 && ["\t", ";", ","].find((mark) => text.includes(mark))) || "\t";

  const split = (text, width) => {
    const mark = separator(text, width);
    const cell = new RegExp(`("(?:[^"]|"")*"|[^${mark}\\n]*)(${mark}|\\n|$)`, "g");
    const rows = [[]];
    for (const [, found, end] of text.replace(/\r\n?/g, "\n").matchAll(cell)) {
      rows.at(-1).push(/^"[^]*"$/.test(found) ? found.slice(1, -1).replaceAll('""', '"') : found);
      if (end === "\n") rows.push([]);
      else if (!end) break;
    }
    return rows.filter((row) => row.some((one) => one.trim()));
  };

  const join = (rows) => rows.map((row) => row.map(
    (cell) => /["\t\n;,]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell).join("\t")).join("\n");

  // Rows: a table of boxes that writes into the box of text, which is what is sent.
  const tabulate = (template) => {
    const field = template.parentElement;
    const area = field.querySelector("textarea");
    if (area.value.trim().startsWith("[")) return; // somebody's JSON
    const grid = template.content.cloneNode(true).firstElementChild;
    const body = grid.querySelector("tbody");
    const [blank] = body.rows;
    const names = JSON.parse(field.dataset.columns).map(([name]) => name);
    const labels = [...all("th", grid)].map((head) => head.textContent);
    const boxes = (row) => [...all("input, select", row)];
    const { id } = area;
    const save = () => {
      const rows = [...body.rows].map((row) => boxes(row).map((box) => box.value));
      const filled = rows.filter((row) => row.some((cell) => cell.trim()));
      area.value = filled.length ? join([names, ...filled]) : "";
    };
    const add = () => body.appendChild(blank.cloneNode(true));
    const put = (box, text) => { // a spreadsheet writes TRUE; what no choice is stays in sight, and the server says so
      const word = text.toLowerCase();
      const same = { true: "yes", 1: "yes", y: "yes", false: "no", 0: "no", n: "no" }[word];
      const options = [...(box.options ?? [])].map((option) => option.value);
      const found = [text, word, same].map((one) => options.find((value) => value === one || value.toLowerCase() === one));
      const known = found.find((value) => value !== undefined);
      if (box.options && known === undefined) box.append(new Option(text, text));
      box.value = known ?? text;
    };
    const fill = (rows, first = 0, left = 0) => {
      const known = (row) => [names, labels].find((words) => row?.every((cell) => words.includes(cell.trim())));
      const words = known(rows[0]);
      const order = words ? rows.shift().map((cell) => words.indexOf(cell.trim())) : names.map((_, i) => i + left);
      rows.forEach((cells, i) => {
        const into = boxes(body.rows[first + i] ?? add());
        cells.forEach((cell, j) => { if (into[order[j]]) put(into[order[j]], cell.trim()); });
      });
    };
    const head = () => { // label and error lead to the first box
      if (!body.rows.length) add();
      for (const box of all("[id]", body)) box.removeAttribute("id");
      boxes(body)[0].id = id;
    };
    const load = () => {
      body.replaceChildren();
      fill(split(area.value, names.length));
      head();
    };
    grid.addEventListener("input", save);
    grid.addEventListener("click", ({ target }) => {
      if (target.matches("[data-more]")) boxes(add())[0].focus();
      if (!target.matches("[data-less]")) return;
      target.closest("tr").remove();
      head();
      save();
      boxes(body)[0].focus();
    });
    grid.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text");
      const row = event.target.closest("tr");
      if (!/[\t\n]/.test(text.trim()) || !row) return;
      event.preventDefault();
      fill(split(text, names.length), row.sectionRowIndex, boxes(row).indexOf(event.target));
      save();
    });
    area.addEventListener("refill", load);
    area.removeAttribute("id");
    area.hidden = true;
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (area.hasAttribute(name)) grid.setAttribute(name, area.getAttribute(name));
    }
    area.after(grid);
    load();
  };
  for (const template of all(".field > template")) tabulate(template);

  // A row of numbers, pasted into one of their boxes, goes into all.
  const numbers = (text) => text.trim().split(/[\t;]/.test(text) ? /[\s;]+/ : /[\s,]+/).filter(Boolean);

  document.addEventListener("paste", (event) => {
    const found = numbers(event.clipboardData.getData("text"));
    const set = event.target.closest?.(".boxes");
    if (!set || found.length < 2) return;
    event.preventDefault();
    const boxes = [...all("input", set)];
    boxes.slice(boxes.indexOf(event.target)).forEach((box, i) => { if (i < found.length) box.value = found[i]; });
  });

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

  const kinds = { // of a text, to JSON and from it
    text: [(text) => text, plain],
    number: [numeral, plain],
    numbers: [(text) => numbers(text).map(numeral), (value) => [value].flat().map(plain).join(", ")],
    texts: [lines, (value) => [value].flat().map(plain).join("\n")],
    matrix: [
      (text) => text.trim().startsWith("[") ? kinds.json[0](text) : lines(text).map((line) => numbers(line).map(numeral)),
      (value) => [value].flat().map((row) => [row].flat().map(plain).join(", ")).join("\n"),
    ],
    json: [(text) => { try { return parse(text); } catch { return text; } }, write],
    listed: [
      (text, choices) => parse(choices.find(([label]) => label === text.trim())?.[1] ?? JSON.stringify(text)),
      (value, choices) => choices.find(([, json]) => same(parse(json), value))?.[0] ?? plain(value),
    ],
    rows: [
      (text, columns) => {
        if (text.trim().startsWith("[")) return kinds.json[0](text);
        const [names, ...rows] = split(text, columns.length);
        return rows.map((row) => Object.fromEntries(columns.flatMap(([name, kind, choices]) => {
          const cell = row[names.indexOf(name)] ?? "";
          return cell.trim() ? [[name, kinds[kind][0](cell, choices)]] : [];
        })));
      },
      (value, columns) => !Array.isArray(value) ? plain(value) : join([
        columns.map(([name]) => name),
        ...value.map((row) => columns.map(([name, kind, choices]) => row?.[name] == null ? "" : kinds[kind][1](row[name], choices))),
      ]),
    ],
  };

  const about = (field) => JSON.parse(field.dataset.choices ?? field.dataset.columns ?? "null");

  const read = (field) => {
    const boxes = [...all("[name]", field)];
    const { kind } = field.dataset;
    if (!kind.startsWith("choice")) {
      const text = boxes.map((box) => box.value).join("\n");
      return text.trim() ? kinds[kind][0](text, about(field)) : undefined;
    }
    const taken = boxes.filter((box) => box.value && (box.checked ?? true)).map((box) => parse(about(field)[box.value][1]));
    return kind === "choices" && taken.length ? taken : taken[0];
  };

  const put = (field, value) => {
    const boxes = [...all("[name]", field)];
    const { kind } = field.dataset;
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
    const fields = [...all(".field:not([data-kind=own])", form)];
    if (yes && !area.value.trim()) {
      const found = fields.map((field) => [field.querySelector("[name]").name, read(field)]);
      area.value = write(Object.fromEntries(found.filter(([, value]) => value !== undefined)));
    }
    if (!yes && area.value.trim()) {
      try {
        JSON.parse(area.value); // strictly, and with the right place in its message
        const values = parse(area.value);
        for (const field of fields) put(field, values[field.querySelector("[name]").name]);
        area.value = "";
        error.hidden = true;
      } catch ({ message }) {
        error.textContent = `This is not JSON yet: ${message}`;
        error.hidden = false;
        fold.open = true;
        return;
      }
    }
    for (const part of all(".field, .group", form)) part.hidden = yes && !part.matches(":has([type=file], [type=password])");
  };

  for (const fold of all("[data-as-json]")) {
    // What is wrong is said beside the fields, which hold the same: so to them.
    if (fold.closest("form").querySelector(".field > .error")) fold.querySelector("textarea").value = "";
    fold.open &&= !fold.closest("form").querySelector(".field > .error");
    asJson(fold, fold.open);
    fold.addEventListener("toggle", () => asJson(fold, fold.open));
  }

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
    for (const range of all("[data-range-of]")) if (range.dataset.rangeOf === id) slide(range);
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
    for (const range of all("[data-range-of]")) slide(range);
  });
})();
