// Shows the alarms that fit, whole, and says how many more there are: nobody scrolls a wall screen. The first is shown in
// any case, on however small a screen.
"use strict";
(() => {
  const fit = () => {
    const list = document.querySelector("#alarms .alarms");
    const more = document.getElementById("more");
    const rows = [...list.children];
    const outside = () => {
      const { bottom } = list.getBoundingClientRect();
      return rows.slice(1).filter((row) => row.getBoundingClientRect().bottom > bottom + 1);
    };
    for (const row of rows) row.hidden = false;
    more.hidden = true;
    if (!outside().length) return;
    more.textContent = more.dataset.text; // which takes its room from the list
    more.hidden = false;
    const left = outside();
    more.textContent = more.dataset.text.replace("{number}", left.length);
    for (const row of left) row.hidden = true;
  };
  fit();
  addEventListener("resize", fit);
  document.fonts.ready.then(fit);
  document.body.addEventListener("htmx:afterSwap", fit);
})();
