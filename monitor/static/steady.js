// A list that moves must not take a press that was meant for another row: while the mouse or a finger is down nothing
// is merged, and a button that came under a pointer which stood still waits a moment before it can be pressed.
"use strict";
(() => {
  const SETTLE_MS = 700;
  const HELD_MS = 5000; // whoever holds longer presses nothing
  const STILL_PX = 10;
  const body = document.body;
  const moved = new Map(); // when a button came to where it is, by its id
  const pointer = { x: -1, y: -1, since: 0 };
  let places = new Map();
  let down = false;
  let late = false;
  let rescue;
  const look = () =>
    new Map([...document.querySelectorAll("button[id]")].map((button) => [button.id, button.getBoundingClientRect().y]));
  const release = () => {
    down = false;
    if (late) setTimeout(() => htmx.trigger(body, "room:again")); // after the click
    late = false;
  };
  const point = (event) => {
    const { clientX: x, clientY: y } = event;
    if (Math.hypot(x - pointer.x, y - pointer.y) > STILL_PX) Object.assign(pointer, { x, y, since: performance.now() });
    if (down && event.buttons === 0) release(); // it was let go where nobody told
  };
  addEventListener("pointermove", point, true);
  addEventListener("pointerdown", (event) => {
    point(event);
    down = event.button === 0;
    clearTimeout(rescue);
    rescue = setTimeout(release, HELD_MS);
  }, true);
  for (const name of ["pointerup", "pointercancel", "contextmenu"]) addEventListener(name, release, true);
  addEventListener("blur", (event) => event.target === window && release());
  body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (down && detail.requestConfig.verb === "get") {
      detail.shouldSwap = false;
      late = true;
    }
    places = look();
  });
  body.addEventListener("htmx:afterSwap", () => {
    for (const [id, y] of look())
      if (!places.has(id) || Math.abs(places.get(id) - y) > STILL_PX) moved.set(id, performance.now());
  });
  addEventListener("click", (event) => {
    const since = moved.get(event.target.closest?.("button[id]")?.id) ?? -Infinity;
    const is_pointer = event.detail > 0; // a key goes where the focus is
    if (!is_pointer || since < pointer.since || performance.now() - since > SETTLE_MS) return;
    event.preventDefault();
    event.stopPropagation();
    htmx.trigger(body, "room:moved");
  }, true);
})();
