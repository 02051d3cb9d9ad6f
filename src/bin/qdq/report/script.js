"use strict";
// Without this script the tables stand in the order of the network, with every row.
for (const table of document.querySelectorAll("table.data")) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const title = document.getElementById(table.parentElement.getAttribute("aria-labelledby")).textContent;
  const value = (row, at) => row.cells[at].dataset.v ?? row.cells[at].textContent;
  const tools = document.createElement("div"), count = document.createElement("output");
  tools.className = "tools";
  const checks = [];
  const show = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !checks.every(check => check(row));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length}`;
  };
  const add = (text, control) => {
    const label = document.createElement("label");
    label.append(text, control);
    control.addEventListener("input", show);
    tools.append(label);
  };
  const search = document.createElement("input");
  search.type = "search";
  search.setAttribute("aria-label", `Filter ${title}`);
  add("Filter", search);
  checks.push(row => row.textContent.toLowerCase().includes(search.value.toLowerCase()));
  heads.forEach((head, at) => {
    const kind = head.dataset.sort, name = head.textContent;
    if (!kind) return;
    if (kind === "choice") {
      const choice = document.createElement("select");
      choice.setAttribute("aria-label", `${name} of ${title}`);
      const names = [...new Set(rows.map(row => row.cells[at].textContent))].sort();
      for (const each of ["", ...names]) choice.add(new Option(each || "all", each));
      add(name, choice);
      checks.push(row => !choice.value || row.cells[at].textContent === choice.value);
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const compare = kind === "number"
        ? (a, b) => value(a, at) - value(b, at)
        : (a, b) => value(a, at).localeCompare(value(b, at));
      body.append(...rows.sort((a, b) => up ? compare(a, b) : compare(b, a)));
    });
  });
  tools.append(count);
  table.parentElement.before(tools);
  show();
}
