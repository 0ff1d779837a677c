// Hands what the server tells (server-sent events) to htmx, which fetches the part of the page that has changed, and
// says when what is shown is old or what was pressed was not done.
"use strict";
(() => {
  const body = document.body;
  if (!body.dataset.live) return;
  // What somebody has unfolded stays so when the part around it is merged with a newer one.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(name === "open" && element.tagName === "DETAILS");
  const AGAIN_MS = 3000; // after a part could not be had
  const SILENT_MS = 40000; // the server says every 15 s that it is alive
  const READ_MS = 15000; // as long as it takes to read what was said
  const parts = ["alarms", "gates", "link", "notices", "sites"];
  const tell = (name) => htmx.trigger(body, `room:${name}`);
  const old = new Set(); // parts that are older than the last that was heard of them
  let source, heard, again;
  const show = () => body.classList.toggle("unconnected", old.size > 0 || source.readyState !== EventSource.OPEN);
  const listen = () => {
    source = new EventSource("/stream");
    heard = Date.now();
    source.onopen = () => {
      show();
      parts.forEach(tell); // what happened since the page was made, or while nothing was told
    };
    source.onerror = show;
    for (const name of [...parts, "resync", "alive", "events"])
      source.addEventListener(name, () => {
        heard = Date.now();
        if (parts.includes(name)) tell(name);
        if (name === "resync") parts.forEach(tell);
      });
  };
  listen();
  setInterval(() => {
    if (Date.now() - heard < SILENT_MS && source.readyState !== EventSource.CLOSED) return;
    source.close(); // a line that hangs tells no error, and after a refusal a browser does not try again
    listen();
    show();
  }, 5000);
  body.addEventListener("room:again", () => parts.forEach(tell));
  setInterval(() => tell("alarms"), 30000); // ages are shown, and they grow
  window.addEventListener("pagehide", () => source.close());

  const unread = new Map(); // until when a line that was said stays, by its id
  const say = (text, stays_ms) => {
    const line = document.createElement("p");
    Object.assign(line, { id: "about-page", className: "alert", textContent: text });
    line.setAttribute("role", "alert");
    document.getElementById(line.id)?.remove();
    (document.getElementById("said") || document.getElementById("outcomes"))?.append(line);
    unread.set(line.id, Date.now() + stays_ms);
  };
  // What was said of one alarm stays until it can have been read, also when a step on another is answered.
  body.addEventListener("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
    if (target.id !== "said") return;
    const newer = fragment.firstElementChild;
    const stays = ({ id }) => id !== newer.dataset.line && Date.now() < unread.get(id);
    newer.append(...[...target.children].filter(stays).map((line) => line.cloneNode(true)));
    unread.set(newer.dataset.line, Date.now() + READ_MS);
  });
  const failed = ({ verb, path }, why) => {
    if (verb === "post") return say(why, READ_MS);
    old.add(path);
    show();
    again ??= setTimeout(() => {
      again = undefined;
      parts.forEach(tell);
    }, AGAIN_MS);
  };
  const problem = (text) =>
    new DOMParser().parseFromString(text, "text/html").querySelector("[role=alert]")?.textContent;
  // News may have come before an answer and taken its form off the page. htmx, which looks around a form for how to merge
  // what is answered, would then put the part into itself.
  const merge = (detail) => {
    detail.shouldSwap = false;
    const how = { swapStyle: "morph", swapDelay: 0, settleDelay: 0 };
    htmx.swap(detail.target, detail.serverResponse, how, { contextElement: body, eventInfo: detail });
  };
  body.addEventListener("htmx:afterSwap", ({ detail: { requestConfig } }) => {
    if (requestConfig.verb === "post") parts.forEach(tell); // such news may be newer than the answer
  });
  // Whatever is no part of a page (the page of a problem, say) must not take the place of one.
  body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!detail.shouldSwap) return; // steady.js holds it back
    const type = detail.xhr.getResponseHeader("Content-Type") || "";
    if (!type.startsWith("text/html") || /^\s*<!doctype/i.test(detail.xhr.responseText)) {
      detail.shouldSwap = false;
      const is_lasting = detail.requestConfig.verb === "get" && detail.xhr.status < 500;
      if (is_lasting) location.reload(); // whoever may not see it any more is told so by the page
      else failed(detail.requestConfig, problem(detail.xhr.responseText) || body.dataset.unsent);
    } else {
      old.delete(detail.requestConfig.path);
      show();
      if (!detail.requestConfig.elt.isConnected) merge(detail);
    }
  });
  body.addEventListener("room:moved", () => say(body.dataset.moved, 0));
  // Heard at the request itself: what a form that has left the page meanwhile is told of reaches nobody.
  body.addEventListener("htmx:beforeSend", ({ detail: { xhr, requestConfig } }) => {
    for (const how of ["error", "timeout"]) xhr.addEventListener(how, () => failed(requestConfig, body.dataset.unsent));
  });
})();
