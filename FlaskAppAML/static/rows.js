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
    const leftOut = grid.querySelector("[data-left-out]");
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
    const place = (words, word) => {
      const same = words.indexOf(word);
      return same < 0 ? words.findIndex((one) => one.toLowerCase() === word.toLowerCase()) : same;
    };
    const fill = (rows, first = 0, left = 0) => {
      const words = (rows[0] ?? []).map((cell) => cell.replace(/^\ufeff/, "").trim());
      const places = words.map((word) => [names, labels].map((one) => place(one, word)).find((found) => found >= 0) ?? -1);
      const known = places.filter((found) => found >= 0).length;
      const isHead = known && (known === words.length || (known > 1 && known > words.length / 2)); // as the server sees it
      const order = isHead ? places : names.map((_, i) => i + left);
      const lost = isHead ? words.filter((_, i) => places[i] < 0) : [];
      if (isHead) rows.shift();
      const over = Math.max(0, ...rows.map((row) => row.length)) - (isHead ? words.length : names.length - left);
      leftOut.textContent = lost.length ? `Left out, for there is no such column: ${lost.join(", ")}.`
        : over > 0 ? `Left out: ${over} more column${over > 1 ? "s" : ""} than there are here.` : "";
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
    grid.addEventListener("input", ({ target }) => {
      target.removeAttribute("aria-invalid"); // whether it is right now, the server says
      save();
    });
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
      const isRow = names.length > 2 && split(text, names.length)[0]?.length === names.length; // of a CSV file
      if (!row || !(/[\t\n]/.test(text.trim()) || isRow)) return;
      event.preventDefault();
      fill(split(text, names.length), row.sectionRowIndex, boxes(row).indexOf(event.target));
      save();
    });
    area.addEventListener("refill", load);
    area.removeAttribute("id");
    area.hidden = true;
    const said = area.getAttribute("aria-describedby");
    if (said) grid.setAttribute("aria-describedby", said);
    area.after(grid);
    load();
    const cells = field.querySelector("[data-cells]")?.dataset.cells;
    for (const [row, column] of JSON.parse(cells || "[]")) {
      const box = body.rows[row] && boxes(body.rows[row])[column];
      box?.setAttribute("aria-invalid", "true");
      if (said) box?.setAttribute("aria-describedby", said);
    }
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
