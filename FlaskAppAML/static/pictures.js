// Files: dropped, pasted, drawn, looked at and taken away again. The box of the browser holds them, so the form is sent
// as ever. A picture that was sent before, or one of the examples, stands behind a tick.
"use strict";
(() => {
  const size = (bytes) => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  const isImage = (file) => file.type.startsWith("image/");
  let drops = []; // those on the page

  const set = (drop) => {
    const input = drop.querySelector("[type=file]");
    const again = drop.querySelector(".again");
    const tick = again?.querySelector("input");
    const template = drop.querySelector("template");
    template.replaceWith(template.content);
    const [pad, words, remove, camera] = ["canvas", ".chosen", "[data-remove]", "[data-camera]"].map((one) => drop.querySelector(one));
    const pen = pad?.getContext("2d");
    if (tick) tick.parentElement.hidden = true; // the button says it
    let seen = null; // the preview
    let isDrawn = false; // else it was chosen

    const wipe = () => {
      if (!pad) return;
      pen.fillStyle = drop.dataset.ink === "white" ? "black" : "white";
      pen.fillRect(0, 0, pad.width, pad.height);
    };

    const look = (what) => {
      seen?.remove();
      seen = what;
      if (seen) words.before(seen);
      if (pad) pad.hidden = Boolean(seen);
    };

    const preview = (file) => {
      const kind = isImage(file) ? "img" : ["audio", "video"].find((one) => file.type.startsWith(`${one}/`));
      if (!kind || file.type.includes("svg")) return look(null);
      const reader = new FileReader();
      reader.onload = () => {
        if (input.files[0] !== file) return;
        const made = document.createElement(kind);
        if (kind === "img") made.alt = "";
        else made.controls = true;
        made.onerror = () => { if (seen === made) look(null); }; // a kind that this browser does not show
        made.src = reader.result;
        look(made);
      };
      reader.readAsDataURL(file);
    };

    const say = () => { // what is chosen now
      const [file] = input.files;
      const isAgain = !file && tick?.checked;
      if (again) again.hidden = !isAgain;
      remove.hidden = !file && !isAgain;
      words.textContent = isAgain ? "This picture is used until you choose another." : file && !isDrawn ? `${file.name}, ${size(file.size)}` : "";
      if (file && !isDrawn) preview(file);
      else look(null);
      if (pad && isAgain) pad.hidden = true;
    };

    const choose = (file, drawn = false) => {
      const taken = new DataTransfer();
      if (file) taken.items.add(file);
      input.files = taken.files;
      isDrawn = drawn;
      say();
    };

    input.addEventListener("change", () => {
      isDrawn = false;
      say();
    });
    remove.addEventListener("click", () => {
      if (tick) tick.checked = false;
      wipe();
      choose(null);
      input.focus();
    });

    if (camera && matchMedia("(pointer: coarse)").matches) {
      camera.hidden = false;
      camera.addEventListener("click", () => {
        input.capture = "environment";
        input.click();
        input.removeAttribute("capture");
      });
    }

    if (pad) {
      let last = null;
      const place = ({ clientX, clientY }) => {
        const box = pad.getBoundingClientRect();
        return [(clientX - box.x) * pad.width / box.width, (clientY - box.y) * pad.height / box.height];
      };
      const stroke = (event) => {
        if (!last) return;
        const now = place(event);
        pen.strokeStyle = drop.dataset.ink;
        [pen.lineWidth, pen.lineCap, pen.lineJoin] = [pad.width / 13, "round", "round"];
        pen.beginPath();
        pen.moveTo(...last);
        pen.lineTo(...now);
        pen.stroke();
        last = now;
      };
      pad.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        pad.setPointerCapture(event.pointerId);
        last = place(event);
        stroke(event);
      });
      pad.addEventListener("pointermove", (event) => { for (const one of event.getCoalescedEvents?.() ?? [event]) stroke(one); });
      for (const end of ["pointerup", "pointercancel"]) {
        pad.addEventListener(end, () => {
          if (!last) return;
          last = null;
          // At once, not by toBlob: the form may be sent by the next click.
          const bytes = Uint8Array.from(atob(pad.toDataURL().split(",")[1]), (one) => one.charCodeAt(0));
          choose(new File([bytes], "drawing.png", { type: "image/png" }), true);
        });
      }
    }

    wipe();
    return { drop, takes: (file) => !input.accept.startsWith("image/") || isImage(file), choose, say };
  };

  const setAll = () => {
    drops = [...document.querySelectorAll(".drop")].map((drop) => drops.find((one) => one.drop === drop) ?? set(drop));
    for (const { say } of drops) say(); // a browser that goes back fills the box again
  };
  setAll();
  addEventListener("pageshow", setAll);

  // Where it falls, or the first field that takes it.
  const put = (files, at) => {
    const [file] = files;
    const field = file && (drops.find(({ drop }) => drop.contains(at)) ?? drops.find(({ takes }) => takes(file)));
    field?.choose(file);
    return Boolean(field);
  };
  const mark = (at) => { for (const { drop } of drops) drop.classList.toggle("over", drop.contains(at)); };

  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // else the page would make way for the file
    mark(event.target);
  });
  document.addEventListener("dragleave", () => mark(null));
  document.addEventListener("drop", (event) => {
    mark(null);
    if (event.target.closest?.("[type=file]") || !event.dataTransfer.files.length) return; // the box does it by itself
    event.preventDefault();
    put(event.dataTransfer.files, event.target);
  });
  document.addEventListener("paste", (event) => {
    if (put(event.clipboardData.files, event.target)) event.preventDefault();
  });
})();
