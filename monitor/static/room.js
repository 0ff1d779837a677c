// Hands what the server tells (server-sent events) to htmx, which fetches the part of the page that has changed.
"use strict";
(() => {
  const body = document.body;
  if (!body.dataset.live) return;
  // What somebody has unfolded stays so when the part around it is merged with a newer one.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(name === "open" && element.tagName === "DETAILS");
  const parts = ["alarms", "gates", "link", "notices", "sites"];
  const tell = (name) => htmx.trigger(body, `room:${name}`);
  const source = new EventSource("/stream");
  source.onopen = () => {
    body.classList.remove("unconnected");
    parts.forEach(tell); // what happened since the page was made, or while nothing was told
  };
  source.onerror = () => body.classList.add("unconnected");
  parts.forEach((name) => source.addEventListener(name, () => tell(name)));
  source.addEventListener("resync", () => parts.forEach(tell));
  setInterval(() => tell("alarms"), 30000); // ages are shown, and they grow
  window.addEventListener("pagehide", () => source.close());
})();
