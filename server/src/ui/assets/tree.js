// A tree of JSON: one bar tells the path of the part under the hand or the focus, and copies it. Arrows move.
export function attach(box) {
  const path = box.querySelector("[data-tree-path]");
  const copy = box.querySelector("[data-tree-copy]");
  const show = (event) => {
    const part = event.target.closest?.("[data-path]");
    if (!part || !path) return;
    path.hidden = copy.hidden = part.dataset.path === "";
    path.textContent = part.dataset.path;
    copy.dataset.copy = part.dataset.path;
  };
  for (const type of ["focusin", "click", "pointerover"]) box.addEventListener(type, show);

  const parts = () => [...box.querySelectorAll("[data-path]")].filter((part) => part.checkVisibility());
  box.addEventListener("keydown", (event) => {
    const at = event.target.closest("[data-path]");
    if (!at) return;
    const go = (part) => {
      if (!part) return;
      part.focus();
      event.preventDefault();
    };
    const fold = at.tagName === "SUMMARY" ? at.parentElement : null;
    const list = parts();
    const number = list.indexOf(at);
    if (event.key === "ArrowDown") go(list[number + 1]);
    else if (event.key === "ArrowUp") go(list[number - 1]);
    else if (event.key === "ArrowRight" && fold?.open) go(list[number + 1]);
    else if (event.key === "ArrowRight" && fold) {
      fold.open = true;
      event.preventDefault();
    } else if (event.key === "ArrowLeft" && fold?.open) {
      fold.open = false;
      event.preventDefault();
    } else if (event.key === "ArrowLeft") go(at.closest("ul")?.previousElementSibling);
  });
}
