// Click a heading to sort its table by it, within each structure; text cells with a leading number sort as numbers.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const bodies = [...table.tBodies].map((body) => [body, [...body.rows].filter((row) => row.className !== "structure")]);
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = parseFloat(text.replace("\u2212", "-").replace(/^<\s/, ""));
    return Number.isNaN(number) ? text : number;
  };
  const headings = table.querySelectorAll("thead th");
  headings.forEach((heading, column) => {
    heading.querySelector("button").onclick = () => {
      const down = heading.ariaSort === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.ariaSort = down ? "descending" : "ascending";
      for (const [body, rows] of bodies) {
        rows.sort((a, b) => {
          const [x, y] = [value(a, column), value(b, column)];
          if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1; // "n/a" last, either way
          return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
        });
        body.append(...rows);
      }
    };
  });
}
