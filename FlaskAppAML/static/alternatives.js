// Fields that may have one of several forms: only the fields of the chosen one are in sight. For the forms that ask for any.
"use strict";
(() => {
  const EITHER = "[data-kind=either]";
  const all = (selector, root = document) => root.querySelectorAll(selector);
  const buttons = (field) => [...all(":scope > .row input", field)];
  const parts = (field) => [...all(":scope > [data-alternative]", field)];
  const parse = (text) => window.kinds.json[0](text); // of app.js
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const about = (field) => JSON.parse(field.dataset.choices).map(([type, names, always]) => [type, names, parse(always)]);

  const show = (field) => {
    const chosen = buttons(field).find((button) => button.checked)?.value;
    for (const part of parts(field)) part.hidden = part.dataset.alternative !== chosen;
  };

  const inside = (field, place) => {
    const part = parts(field).find((one) => one.dataset.alternative === place);
    return part ? [...all(":scope > .field", part)] : [];
  };

  const typeOf = (value) => Array.isArray(value) ? "array" : typeof value === "string" && /^\ue000/.test(value) ? "number" : typeof value;

  // How well a value fits: what is fixed must be there, and names should be known.
  const fit = ([type, names, always], value) => {
    if (typeOf(value) !== type) return -1;
    if (!names) return typeof always === "object" || same(always, value) ? 1 : 0;
    const fixed = Object.keys(always);
    const known = Object.keys(value).filter((name) => names.includes(name) || fixed.includes(name)).length;
    return known + (fixed.length && fixed.every((name) => same(value[name], always[name])) ? 1000 : 0) - Object.keys(value).length / 1000;
  };

  window.kinds.either = {
    read: (field, read) => {
      const chosen = buttons(field).find((button) => button.checked)?.value;
      if (!chosen) return undefined;
      const [, names, always] = about(field)[chosen];
      const found = inside(field, chosen).map(read);
      if (!names) return found.length ? found[0] : always;
      const given = names.map((name, i) => [name, found[i]]).filter(([, value]) => value !== undefined);
      return { ...always, ...Object.fromEntries(given) };
    },
    put: (field, value, put) => {
      const fits = about(field).map((one) => value == null ? -1 : fit(one, value));
      const chosen = Math.max(...fits) < 0 ? "" : `${fits.indexOf(Math.max(...fits))}`;
      for (const button of buttons(field)) button.checked = button.value === chosen;
      if (chosen) {
        const [, names] = about(field)[chosen];
        inside(field, chosen).forEach((one, i) => put(one, names ? value[names[i]] : value));
      }
      show(field);
    },
  };

  const set = () => { for (const field of all(EITHER)) show(field); };
  document.addEventListener("change", ({ target }) => {
    const field = target.closest(EITHER);
    if (field) show(field);
  });
  set();
  addEventListener("pageshow", set);
})();
