// Hands what the server tells (server-sent events) to htmx, which fetches the part of the page that has changed.
"use strict";
(() => {
  const body = document.body;
  if (!body.dataset.live) return;
  // What somebody has unfolded stays so when the part around it is merged with a newer one.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(name === "open" && element.tagName === "DETAILS");
  const AGAIN_MS = 3000;
  const parts = ["alarms", "gates", "link", "notices", "sites"];
  const tell = (name) => htmx.trigger(body, `room:${name}`);
  const source = new EventSource("/stream");
  const old = new Set(); // parts that are older than the last that was heard of them
  const show = () => body.classList.toggle("unconnected", old.size > 0 || source.readyState !== EventSource.OPEN);
  source.onopen = () => {
    show();
    parts.forEach(tell); // what happened since the page was made, or while nothing was told
  };
  source.onerror = show;
  parts.forEach((name) => source.addEventListener(name, () => tell(name)));
  source.addEventListener("resync", () => parts.forEach(tell));
  setInterval(() => tell("alarms"), 30000); // ages are shown, and they grow
  window.addEventListener("pagehide", () => source.close());

  // Whatever is no part of a page (a problem as JSON, the page of a login) must not take the place of one.
  const isPart = (xhr) =>
    (xhr.getResponseHeader("Content-Type") || "").startsWith("text/html") && !/^\s*<!doctype/i.test(xhr.responseText);
  const problem = (xhr) => {
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    return page.querySelector("[role=alert]")?.textContent || page.querySelector("main")?.textContent || xhr.statusText;
  };
  const say = (text) => {
    const line = document.createElement("p");
    line.className = "alert";
    line.setAttribute("role", "alert");
    line.textContent = text;
    (document.getElementById("said") || document.getElementById("outcomes"))?.replaceChildren(line);
  };
  let again;
  const retry = () => {
    again = undefined;
    parts.forEach(tell);
  };
  body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const fine = isPart(detail.xhr);
    detail.shouldSwap &&= fine;
    if (fine) {
      old.delete(detail.requestConfig.path);
      show();
    } else if (new URL(detail.xhr.responseURL).pathname === "/login") {
      location.reload(); // the session is over: the page leads to the login
    } else if (detail.requestConfig.verb === "post") {
      say(problem(detail.xhr));
    } else {
      old.add(detail.requestConfig.path);
      show();
      again ??= setTimeout(retry, AGAIN_MS);
    }
  });
})();
