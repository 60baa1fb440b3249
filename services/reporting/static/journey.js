// Copies a command that stands on the page as text. Without this file it can be selected.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = button.parentElement.querySelector("[data-copied]").textContent;
    navigator.clipboard.writeText(text);
  });
}
