// A part of the page makes way for that of another page of ours, which names its sheets and scripts in its head. They
// come first, so that nobody sees it without; on "pageshow" every script sets up what is new.
"use strict";
window.swap = async (page, put) => {
  await Promise.all([...page.head.querySelectorAll("link[rel=stylesheet], script[src]")].flatMap((named) => {
    if ([...document.head.children].some((one) => one.isEqualNode(named))) return [];
    const made = document.createElement(named.localName); // the parser's own would not run
    for (const { name, value } of named.attributes) made.setAttribute(name, value);
    made.async = false; // in their order
    document.head.append(made);
    return new Promise((done) => { made.onload = made.onerror = done; });
  }));
  for (const input of page.querySelectorAll("[type=file][id]")) { // the server cannot choose a file again
    const { files } = document.getElementById(input.id) ?? {};
    if (files?.length) input.files = files;
  }
  put();
  dispatchEvent(new Event("pageshow"));
};
