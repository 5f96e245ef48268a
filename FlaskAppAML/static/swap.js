// A part of the page makes way for that of another page of ours, which names its sheets and scripts in its head. Sheets
// come before it, so that it is never seen without; scripts set up what is new when they come, or on "pageshow".
"use strict";
window.swap = async (page, put) => {
  const load = (selector) => Promise.all([...page.head.querySelectorAll(selector)].flatMap((named) => {
    if ([...document.head.children].some((one) => one.isEqualNode(named))) return [];
    const made = document.createElement(named.localName); // the parser's own would not run
    for (const { name, value } of named.attributes) made.setAttribute(name, value);
    made.async = false; // in their order
    document.head.append(made);
    return new Promise((done) => { made.onload = made.onerror = done; });
  }));
  await load("link[rel=stylesheet]");
  for (const input of page.querySelectorAll("[type=file][id]")) { // the server cannot choose a file again
    const { files } = document.getElementById(input.id) ?? {};
    if (files?.length) input.files = files;
  }
  put();
  await load("script[src]");
  dispatchEvent(new Event("pageshow"));
};
