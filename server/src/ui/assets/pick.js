// Choosing commands of a document: rows are filtered while one types, and groups are chosen at once.
import { say } from "./floh.js";

// How many rows are in groups that a filter opens.
const MAX_OPEN_ROWS = 200;

export function attach(card) {
  const within = (selector, at = card) => [...at.querySelectorAll(selector)];
  const [box, verdict, total, nothing] = ["filter", "verdict", "total", "none-left"].map((name) =>
    card.querySelector(`[data-pick-${name}]`),
  );
  const groups = within("[data-group]").map((group) => ({
    group,
    all: group.querySelector("[data-pick-group]"),
    count: group.querySelector("[data-pick-count]"),
    details: group.querySelector("details"),
    rows: within("[data-op]", group).map((row) => ({
      row,
      box: row.querySelector("input[type=checkbox]"),
      text: row.querySelector("label").textContent.toLowerCase(),
      verdict: row.dataset.verdict ?? "exact",
      shown: true,
    })),
  }));
  // Groups whose rows are not on this page count as they were.
  const others = Number(total.textContent) - groups.reduce((sum, one) => sum + Number(one.count.textContent), 0);
  const beyond = groups.map((one) => Number(one.count.textContent) - one.rows.filter((row) => row.box.checked).length);

  const tally = () => {
    let sum = others;
    groups.forEach(({ all, count, rows }, number) => {
      const chosen = rows.filter((row) => row.box.checked).length;
      count.textContent = chosen + beyond[number];
      all.checked = chosen > 0;
      all.indeterminate = chosen > 0 && chosen < rows.length;
      sum += chosen + beyond[number];
    });
    total.textContent = sum;
  };
  const filter = () => {
    const wanted = box.value.toLowerCase().trim();
    let room = MAX_OPEN_ROWS;
    let some = false;
    for (const { group, details, rows } of groups) {
      let left = 0;
      for (const one of rows) {
        const shown = (!wanted || one.text.includes(wanted)) && (!verdict.value || one.verdict === verdict.value);
        if (shown !== one.shown) one.row.hidden = !(one.shown = shown);
        left += shown;
      }
      if (group.hidden !== (left === 0)) group.hidden = left === 0;
      some ||= left > 0;
      if ((wanted || verdict.value) && left > 0 && left <= room) {
        details.open = true;
        room -= left;
      }
    }
    nothing.hidden = some;
  };
  const set = (rows, chosen) => {
    for (const one of rows) if (one.shown) one.box.checked = chosen;
    tally();
  };

  for (const type of ["input", "change"]) box.addEventListener(type, filter);
  verdict.addEventListener("change", filter);
  box.form.addEventListener("submit", (event) => event.preventDefault());
  card.addEventListener("change", (event) => {
    const one = groups.find(({ all }) => all === event.target);
    if (one) set(one.rows, one.all.checked);
    else if (event.target.type === "checkbox") tally();
  });
  card.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pick-set], [data-pick-rename]");
    if (!button) return;
    event.preventDefault();
    if (button.dataset.pickRename) return rename(button);
    const chosen = button.dataset.pickSet === "yes";
    for (const { rows } of groups) set(rows, chosen);
    say(`${total.textContent} commands chosen`);
  });
  for (const { all } of groups) all.disabled = false;
  if (card.dataset.pick === "names") for (const { rows } of groups) rows.forEach(renamer);
  for (const plain of within("[data-pick-plain]")) plain.hidden = true;
  tally();
  if (box.value || verdict.value) filter();
}

// A row whose name can be changed gets a button for it.
function renamer({ row, box }) {
  if (row.querySelector(".rename")) return;
  const button = document.createElement("button");
  button.className = "btn small bare";
  button.textContent = "✎";
  button.dataset.pickRename = box.value;
  button.setAttribute("aria-label", `Rename ${box.value}`);
  row.querySelector(":scope > span").after(button);
}

// The name of a command becomes a field where it stands.
function rename(button) {
  const name = button.dataset.pickRename;
  const field = document.createElement("input");
  field.name = `/names/${name}`;
  field.value = name;
  field.setAttribute("aria-label", `Name of ${name}`);
  field.autocomplete = "off";
  field.spellcheck = false;
  const place = document.createElement("div");
  place.className = "rename";
  place.append(field);
  button.replaceWith(place);
  field.select();
  field.focus();
}
