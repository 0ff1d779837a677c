// Shows the alarms and gates that fit, whole, and says how many more there are: nobody scrolls a wall screen. The first is
// shown in any case, on however small a screen.
"use strict";
(() => {
  const top = (row) => row.getBoundingClientRect().top;
  const fit = (section) => {
    const list = section.querySelector(":scope > ul");
    const more = section.querySelector(".more");
    for (const row of list.children) row.hidden = false;
    more.hidden = true;
    const rows = [...list.children].sort((one, other) => top(one) - top(other)); // as they are seen
    const outside = () => {
      const { bottom } = list.getBoundingClientRect();
      return rows.slice(1).filter((row) => row.getBoundingClientRect().bottom > bottom + 1);
    };
    if (!outside().length) return;
    more.textContent = more.dataset.text; // which takes its room from the list
    more.hidden = false;
    const left = outside();
    more.textContent = more.dataset.text.replace("{number}", left.length);
    for (const row of left) row.hidden = true;
  };
  const fitAll = () => document.querySelectorAll("#alarms, #gates").forEach(fit);
  fitAll();
  addEventListener("resize", fitAll);
  document.fonts.ready.then(fitAll);
  document.body.addEventListener("htmx:afterSwap", fitAll);
})();
