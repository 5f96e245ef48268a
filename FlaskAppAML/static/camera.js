// The page /camera: a frame goes to the model as soon as the last answer is back, so none ever waits in a queue.
// The form is reached from outside: a field of the model may bear any name, and hide what the form has by that name.
"use strict";
(() => {
  const place = document.querySelector("[data-camera]");
  const form = document.getElementById("shot");
  const input = document.getElementById(place.dataset.picture);
  const video = place.querySelector("video");
  const part = (name) => place.querySelector(`[data-${name}]`);
  const [run, shot, turn] = ["run", "shot", "turn"].map(part);
  const upload = [input.closest(".field"), document.querySelector("[data-upload]")];
  const sleep = (time) => new Promise((done) => setTimeout(done, time));

  const REFUSALS = {
    NotAllowedError: "The camera may not be used here. Allow it beside the address of this page, and start again.",
    NotFoundError: "No camera was found.",
    NotReadableError: "The camera does not answer. Another program may be using it.",
  };
  const OTHERWISE = "Choose a picture in the form instead.";

  let isOpening = false;
  let asking = null; // the AbortController of this run; null while nothing is sent
  let seen = []; // when the last answers came

  const say = (words, isWrong = false) => {
    part("state").textContent = words;
    part("state").classList.toggle("error", isWrong);
  };

  // The camera
  const cameras = async () => (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  const track = () => video.srcObject?.getVideoTracks()[0];
  const isOpen = () => track()?.readyState === "live";

  const show = () => {
    for (const one of upload) one.hidden = isOpen();
    shot.hidden = !isOpen();
    part("figures").hidden = !isOpen();
    run.textContent = asking ? "Pause" : isOpen() ? "Go on" : "Start the camera";
  };

  const close = () => {
    track()?.stop();
    video.srcObject = null;
  };

  const open = async (wanted) => {
    if (!navigator.mediaDevices) {
      const why = isSecureContext ? "This browser shows no camera." : "Browsers give the camera to pages with https only.";
      return say(`${why} ${OTHERWISE}`, true);
    }
    if (isOpening) return;
    isOpening = true;
    close();
    try {
      const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...wanted } });
      await video.play();
      track().addEventListener("ended", () => { halt(); say("The camera went off.", true); });
      turn.hidden = (await cameras()).length < 2;
    } catch ({ name }) {
      close();
      say(`${REFUSALS[name] ?? "The camera could not be started."} ${OTHERWISE}`, true);
    } finally {
      isOpening = false;
    }
  };

  const other = async () => {
    const { deviceId, facingMode } = track().getSettings();
    const ids = (await cameras()).map((one) => one.deviceId);
    const next = ids[(ids.indexOf(deviceId) + 1) % ids.length];
    const isFront = facingMode === "user"; // a phone may have many lenses, but two directions
    return facingMode && ids.length > 2 ? { facingMode: isFront ? "environment" : "user" } : { deviceId: { exact: next } };
  };

  // Frames
  const picture = (longest, quality) => new Promise((done) => {
    const share = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(video.videoWidth * share));
    canvas.height = Math.max(1, Math.round(video.videoHeight * share));
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => done({ blob, width: canvas.width, height: canvas.height }), "image/jpeg", quality);
  });

  const label = (name) => {
    const field = [...document.querySelectorAll("#shot .field")].find((one) => one.querySelector("[name]")?.name === name);
    return field?.querySelector("label, legend")?.firstChild.textContent.trim() ?? name;
  };

  const ask = async (signal) => {
    const { blob, width, height } = await picture(+place.dataset.frame, 0.85);
    const body = new FormData(form);
    body.set(input.name, blob, "frame.jpg");
    const address = `${place.dataset.camera}&width=${width}&height=${height}`;
    const answer = await fetch(address, { method: "POST", body, signal, headers: { Accept: "application/json" } });
    const said = await answer.json();
    if (answer.ok) return said;
    const [wrong] = Object.entries(said.fields);
    throw Object.assign(new Error(wrong ? `${label(wrong[0])}: ${wrong[1]}` : `${said.title} ${said.detail}`), said);
  };

  const put = ({ html, endpoint_ms: endpoint }, taken) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const piece of page.querySelectorAll("[data-piece]")) {
      part(`piece=${piece.dataset.piece}`).replaceChildren(...piece.childNodes);
    }
    const now = performance.now();
    seen = [...seen.filter((time) => now - time < 5000), now];
    part("rate").textContent = seen.length < 2 ? "–" : (1000 * (seen.length - 1) / (now - seen[0])).toFixed(1);
    part("latency").textContent = Math.round(now - taken);
    part("endpoint").textContent = Math.round(endpoint);
  };

  const halt = () => {
    asking?.abort();
    asking = null;
    video.pause();
    show();
  };

  const look = async () => {
    const mine = asking = new AbortController();
    const LIVE = "Live. The next frame goes to the model when the answer to the last is back.";
    seen = [];
    say(LIVE);
    show();
    while (asking === mine) {
      const taken = performance.now();
      try {
        const said = await ask(mine.signal);
        if (asking !== mine) return;
        put(said, taken);
      } catch (error) {
        if (asking !== mine) return;
        if (!error.retry_after) {
          halt();
          return say(error.kind || error.fields ? error.message : "The app did not answer. Is it still running?", true);
        }
        say(`${error.message} On again in ${error.retry_after} s.`, true);
        await sleep(1000 * error.retry_after);
        if (asking === mine) say(LIVE);
      }
      await sleep(place.dataset.every - (performance.now() - taken));
      if (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
    }
  };

  run.addEventListener("click", async () => {
    if (asking) {
      halt();
      return say("Paused; nothing is sent.");
    }
    if (isOpen()) await video.play();
    else await open({ facingMode: "environment" });
    if (isOpen()) look();
    else show();
  });

  turn.addEventListener("click", async () => {
    const wasAsking = asking;
    const wanted = await other();
    halt();
    await open(wanted);
    if (isOpen() && wasAsking) look();
    else show();
  });

  // A snapshot is the picture of the form, as large as the camera gives it, and the form is sent as ever.
  let isTaken = false;
  document.addEventListener("submit", async (event) => {
    if (event.target !== form || !isOpen() || isTaken) return;
    event.preventDefault();
    halt();
    say("The model is asked about this picture.");
    const { blob } = await picture(+place.dataset.full, 0.92);
    const files = new DataTransfer();
    files.items.add(new File([blob], "snapshot.jpg", { type: "image/jpeg" }));
    input.files = files.files;
    isTaken = true;
    HTMLFormElement.prototype.requestSubmit.call(form);
    isTaken = false;
  }, true);

  window.addEventListener("pagehide", () => {
    halt();
    close();
    show();
    say("The camera is off; nothing is sent.");
  });
})();
