"use strict";
// The definition behind a question mark opens beside it; one is open at a time, and Escape or a click elsewhere closes it.
(function () {
  var all = Array.prototype.slice.call(document.querySelectorAll("details.define"));

  function place(details) {
    var box = details.querySelector(".defined"), mark = details.getBoundingClientRect(), size = box.getBoundingClientRect();
    var below = mark.bottom + 6 + size.height < innerHeight - 56;  // the shortlist stands at the bottom
    var left = Math.max(8, Math.min(mark.left - 20, document.documentElement.clientWidth - size.width - 8));
    var top = Math.max(8, below ? mark.bottom + 6 : mark.top - 6 - size.height);
    box.style.bottom = "auto";
    box.style.left = left + "px";
    box.style.top = top + "px";
    var now = box.getBoundingClientRect();  // it may stand in a part that moves what is fixed
    box.style.left = 2 * left - now.left + "px";
    box.style.top = 2 * top - now.top + "px";
  }

  function close(but) { all.forEach(function (details) { if (details !== but) { details.open = false; } }); }

  all.forEach(function (details) {
    details.addEventListener("toggle", function () { if (details.open) { close(details); place(details); } });
  });
  document.addEventListener("click", function (event) { close(event.target.closest && event.target.closest("details.define")); });
  document.addEventListener("keydown", function (event) {
    var open = event.key === "Escape" && all.find(function (details) { return details.open; });
    if (open) { open.open = false; open.firstElementChild.focus(); }
  });
  addEventListener("scroll", function () {  // it stays beside its mark, and goes with it
    all.forEach(function (details) {
      if (!details.open) { return; }
      var mark = details.getBoundingClientRect();
      if (mark.bottom < 0 || mark.top > innerHeight) { details.open = false; } else { place(details); }
    });
  }, { passive: true, capture: true });
})();

(function () {
  var table = document.querySelector("table.candidates");

  function sortBy(header) {
    var index = header.cellIndex, body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows);
    var text = header.dataset.kind === "text";
    var first = header.dataset.first || "descending";
    var now = header.getAttribute("aria-sort");
    var next = now === null ? first : now === "ascending" ? "descending" : "ascending";
    var sign = next === "ascending" ? 1 : -1;
    table.querySelectorAll("th[aria-sort]").forEach(function (th) { th.removeAttribute("aria-sort"); });
    header.setAttribute("aria-sort", next);
    rows.map(function (row, position) {
      var value = row.cells[index].dataset.sort;
      return { row: row, position: position, value: text ? value : parseFloat(value) };
    }).sort(function (a, b) {
      var missingA = text ? !a.value : isNaN(a.value), missingB = text ? !b.value : isNaN(b.value);
      if (missingA || missingB) { return missingA - missingB || a.position - b.position; }  // missing values stay last
      return sign * (text ? a.value.localeCompare(b.value) : a.value - b.value) || a.position - b.position;
    }).forEach(function (item) { body.appendChild(item.row); });
  }

  function filter() {
    var wanted = Array.prototype.slice.call(document.querySelectorAll(".tools input:checked"));
    var shown = 0;
    Array.prototype.forEach.call(table.tBodies[0].rows, function (row) {
      row.hidden = !wanted.every(function (box) { return row.dataset[box.value] === "1"; });
      shown += !row.hidden;
    });
    document.getElementById("shown").textContent = shown;
  }

  function copy(button) {
    function done() {
      button.textContent = "copied";
      setTimeout(function () { button.textContent = "copy SMILES"; }, 1200);
    }
    function byHand() {  // where the clipboard API is closed to local files
      var area = document.createElement("textarea");
      area.value = button.dataset.smiles;
      document.body.appendChild(area);
      area.select();
      if (document.execCommand("copy")) { done(); }
      area.remove();
    }
    if (navigator.clipboard) { navigator.clipboard.writeText(button.dataset.smiles).then(done, byHand); } else { byHand(); }
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button.copy"), head = event.target.closest(".sort");
    if (button) { copy(button); }
    if (head) { sortBy(head.closest("th")); }
  });
  document.addEventListener("keydown", function (event) {
    var head = event.target.closest(".sort");
    if (head && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); sortBy(head.closest("th")); }
  });
  document.querySelectorAll(".tools input").forEach(function (box) { box.addEventListener("change", filter); });
})();
