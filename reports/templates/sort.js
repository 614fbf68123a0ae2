for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  for (const [place, heading] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const descends = heading.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", descends ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => [row.cells[place].dataset.value, row]);
      const known = rows.filter(([value]) => value !== undefined);
      const isNumber = known.every(([value]) => value !== "" && !isNaN(value));
      known.sort(([a], [b]) => (isNumber ? a - b : a.localeCompare(b)));
      if (descends) known.reverse();
      body.append(...known.concat(rows.filter(([value]) => value === undefined)).map(([, row]) => row));
    });
  }
}
