const board = document.getElementById("board");
const body = board.tBodies[0];
const rows = [...body.rows];
const filters = [...document.querySelectorAll(".filters select")];

function filter() {
  let shown = 0;
  for (const row of rows) {
    row.hidden = filters.some(({ name, value }) => value && row.dataset[name] !== value);
    shown += !row.hidden;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} rows`;
}

function sort(column, ascending) {
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const numeric = "value" in rows[0].cells[column].dataset;
  rows.sort((a, b) => {
    const order = numeric ? key(a) - key(b) : key(a).localeCompare(key(b));
    return ascending ? order : -order;
  });
  body.append(...rows);
  [...board.tHead.rows[0].cells].forEach((cell, i) => {
    cell.ariaSort = i === column ? (ascending ? "ascending" : "descending") : "none";
    cell.setAttribute("aria-sort", cell.ariaSort);
  });
}

[...board.tHead.rows[0].cells].forEach((cell, column) => {
  cell.querySelector("button").addEventListener("click", () => {
    const numeric = cell.classList.contains("number");
    const now = cell.getAttribute("aria-sort");
    sort(column, now === "none" ? !numeric : now === "descending");
  });
});
filters.forEach((select) => select.addEventListener("change", filter));
filter();
