// Tables of answers in the order of a column: up, down, and as they came. Without it they stand as they came.
"use strict";
(() => {
  const { compare } = new Intl.Collator("en-GB", { numeric: true });
  const number = (text) => Number(text.replace("inf", "Infinity"));
  const NEXT = { null: "ascending", ascending: "descending", descending: null };

  // Cells without a value come last in any order. One word among numbers makes words of all.
  const sorted = (rows, place, down) => {
    const texts = new Map(rows.map((row) => [row, row.cells[place].textContent.trim()]));
    const isMissing = (text) => ["", "–", "nan"].includes(text);
    const areNumbers = [...texts.values()].every((text) => isMissing(text) || !Number.isNaN(number(text)));
    const order = areNumbers ? (one, other) => number(one) - number(other) || 0 : compare;
    return rows.toSorted((a, b) => {
      const [one, other] = [texts.get(a), texts.get(b)];
      if (isMissing(one) || isMissing(other)) return isMissing(one) - isMissing(other);
      return down ? order(other, one) : order(one, other);
    });
  };

  const set = (table) => {
    const [body] = table.tBodies;
    const came = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const order = NEXT[head.getAttribute("aria-sort")];
        for (const other of heads) other.removeAttribute("aria-sort");
        if (order) head.setAttribute("aria-sort", order);
        body.append(...order ? sorted(came, place, order === "descending") : came);
      });
    });
  };

  const setAll = () => { for (const table of document.querySelectorAll("table[data-sort]:not(:has(th > button))")) set(table); };
  setAll();
  addEventListener("pageshow", setAll);
})();
