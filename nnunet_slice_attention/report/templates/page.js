// Save a figure as a file for a paper; open what is folded before printing.
"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const svg = figure.querySelector("svg");
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "save", textContent: "Save as SVG" });
  button.setAttribute("aria-label", `Save "${svg.getAttribute("aria-label")}" as SVG`);
  button.onclick = () => {
    const copy = svg.cloneNode(true);
    for (const name of ["role", "aria-describedby", "fill"]) copy.removeAttribute(name);
    const text = new XMLSerializer().serializeToString(copy)
      .replaceAll("currentColor", "#000000").replaceAll("var(--blue)", "#0072B2"); // also in dark mode
    const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    Object.assign(document.createElement("a"), { href: address, download: `${figure.previousElementSibling.id}.svg` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000); // Safari reads it after the click
  };
  figure.querySelector("figcaption").append(" ", button);
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));
