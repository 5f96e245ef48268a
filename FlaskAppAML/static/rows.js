// Tables, and rows of numbers: filled in by hand, pasted out of spreadsheets, and as JSON. For the forms that ask for any.
"use strict";
(() => {
  const all = (selector, root = document) => root.querySelectorAll(selector);
  const { kinds } = window; // of app.js
  const [[, plain], [numeral], [parsed]] = [kinds.text, kinds.number, kinds.json];

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
    if (area.hidden || area.value.trim().startsWith("[")) return; // it is one already, or somebody's JSON
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

  Object.assign(kinds, {
    numbers: [(text) => numbers(text).map(numeral), (value) => [value].flat().map(plain).join(", ")],
    matrix: [
      (text) => text.trim().startsWith("[") ? parsed(text)
        : text.split("\n").filter((line) => line.trim()).map((line) => numbers(line).map(numeral)),
      (value) => [value].flat().map((row) => [row].flat().map(plain).join(", ")).join("\n"),
    ],
    rows: [
      (text, columns) => {
        if (text.trim().startsWith("[")) return parsed(text);
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
  });

  // At once, and when /connect has put another form into its page.
  const set = () => { for (const template of all(".field > template")) tabulate(template); };
  set();
  addEventListener("pageshow", set);
})();
