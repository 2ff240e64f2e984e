// What pages gain with a script. Every page works without it.
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const on = (type, selector, act) =>
  document.addEventListener(type, (event) => {
    const found = event.target.closest?.(selector);
    if (found) act(found, event);
  });

// The one place where text becomes elements.
const policy = window.trustedTypes?.createPolicy("floh", { createHTML: (text) => text });
export const parse = (text) =>
  new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");

let region;
export function say(text) {
  region ??= document.body.appendChild(
    Object.assign(document.createElement("div"), { className: "sr", role: "status" }),
  );
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 30);
}

function note(within, text, address) {
  const line = Object.assign(document.createElement("p"), { className: "notice bad", role: "alert", textContent: text });
  if (address) {
    const link = Object.assign(document.createElement("a"), { href: address, target: "_blank", textContent: "Sign in" });
    line.append(" ", link);
  }
  within.prepend(line);
  line.scrollIntoView({ block: "nearest" });
}

// A form whose answer replaces a part of this page instead of the page.
on("submit", "form[data-swap]", async (form, event) => {
  const button = event.submitter;
  const name = button?.name === "edit" || button?.dataset.whole !== undefined ? form.id : form.dataset.swap;
  const target = document.getElementById(name);
  if (!target || event.defaultPrevented) return;
  event.preventDefault();
  const data = new FormData(form, button);
  const isFile = form.enctype === "multipart/form-data";
  target.setAttribute("aria-busy", "true");
  if (button) button.disabled = true;
  const clock = count(target);
  try {
    const answer = isFile
      ? await (await import("./send.js")).send(form, data)
      : await fetch(form.action, { method: "POST", body: new URLSearchParams(data) });
    if (!answer) return;
    const page = parse(await answer.text());
    const part = page.getElementById(name);
    const main = page.getElementById("main");
    if (main && answer.redirected && new URL(answer.url).searchParams.has("saved")) {
      // What was saved may also stand around the form.
      history.replaceState(null, "", answer.url);
      document.getElementById("main").replaceWith(document.adoptNode(main));
      document.title = page.title;
      return wake(main);
    }
    if (!part && !answer.ok && ![412, 422].includes(answer.status)) {
      // A refusal, such as that of a form that is too large: the form stays with all that is in it.
      const words = [$("h1", page), ...$$("main p", page)].map((line) => line?.textContent.trim());
      return note(target, words.filter(Boolean).join(". "));
    }
    if (!part && main && !answer.redirected) {
      // Another page, such as that of a conflict: it has what was typed, so it stands in place of this one.
      document.getElementById("main").replaceWith(document.adoptNode(main));
      document.title = page.title;
      return wake(main);
    }
    if (answer.redirected && new URL(answer.url).pathname === "/login") {
      return note(target, "Your session has ended. Sign in in another tab, then press again: what you typed is still here.", "/login");
    }
    if (!part) {
      dirty = false;
      location.assign(answer.url);
      return;
    }
    target.replaceWith(document.adoptNode(part));
    if (answer.redirected) history.replaceState(null, "", answer.url);
    // What was wrong in the form stands in the form.
    if (name !== form.id && form.id) {
      const fresh = page.getElementById(form.id);
      if (fresh) {
        form.replaceWith(document.adoptNode(fresh));
        wake(fresh);
      }
    }
    wake(part);
    document.title = page.title;
    refocus(button, part);
  } catch {
    note(target, "The server does not answer. Nothing was lost; try again.");
  } finally {
    clearInterval(clock);
    target.removeAttribute("aria-busy");
    if (button) button.disabled = false;
  }
});

// Says how long an answer has taken, once that is a while.
function count(target) {
  const began = Date.now();
  return setInterval(() => {
    const line = $("[data-elapsed]", target);
    if (line) line.textContent = `Running for ${Math.round((Date.now() - began) / 1000)} s`;
  }, 1000);
}

// The focus goes to what the person works on: the mistakes, else the item that was added, else the button.
function refocus(button, part) {
  if ($("[data-focus]")) return $("[data-focus]").focus();
  const [verb, place] = (button?.name === "edit" && button.value.split(" ")) || [];
  if (verb === "add") {
    const rows = $$(`[name^="${CSS.escape(place)}/"]:not([type=hidden])`, part);
    const count = Number($(`[name="${CSS.escape(place)}~n"]`, part)?.value ?? 0) - 1;
    const first = rows.find((input) => input.name.startsWith(`${place}/${count}`));
    if (first) return first.focus();
  }
  const same = button?.value && $$("button:not(.sr)", part).find((other) => other.value === button.value && !other.disabled);
  (same || (part.hasAttribute("tabindex") ? part : $("button, input, select, textarea", part)))?.focus?.();
  if (!same) part.scrollIntoView({ block: "nearest" });
}

// Whether a value may be had is asked as soon as its control is left; the server says so again when the form is sent.
on("focusout", "[data-ask]", async (input) => {
  const { value } = input;
  const answer = value && (await fetch(`${input.dataset.ask}?value=${encodeURIComponent(value)}`).catch(() => null));
  if (!answer?.ok || input.value !== value) return;
  const text = await answer.text();
  const id = `${input.id}.error`;
  let line = document.getElementById(id);
  if (!line && !text) return;
  line ??= Object.assign(document.createElement("p"), { className: "error", id, role: "status" });
  if (!line.isConnected) input.before(line);
  line.textContent = text;
  line.hidden = !text;
  input.closest(".field").toggleAttribute("data-bad", text !== "");
  input.setAttribute("aria-invalid", text !== "");
  const others = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((other) => other && other !== id);
  input.setAttribute("aria-describedby", [...others, id].join(" "));
});

// A secret is one line in most cases: Enter sends its form, as from every other line; with Shift it begins another line.
on("keydown", "textarea.one", (area, event) => {
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  event.preventDefault();
  $("button:not([type=button])", area.form)?.click();
});

// Secrets can be looked at while they are typed.
on("click", "[data-reveal]", (button) => {
  const shown = document.getElementById(button.dataset.reveal).toggleAttribute("data-shown");
  button.setAttribute("aria-pressed", shown);
});

// Copying says that it did. On plain http there is no clipboard, so the text is selected instead.
on("click", "[data-copy], [data-copy-from]", async (button, event) => {
  event.preventDefault();
  const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
  const text = from ? (from.value ?? from.textContent) : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    const range = document.createRange();
    if (from) range.selectNodeContents(from);
    getSelection().removeAllRanges();
    if (from) getSelection().addRange(range);
    say(from && document.execCommand("copy") ? "Copied" : "Press Ctrl+C to copy");
  }
});

// The colours change in place: what was typed stays.
on("submit", "form[data-theme-switch]", async (form, event) => {
  const button = event.submitter;
  event.preventDefault();
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, button)) }).catch(() => null);
  if (!answer?.ok) return say("The server does not answer. Try again.");
  const fresh = $("form[data-theme-switch]", parse(await answer.text()));
  document.documentElement.dataset.theme = button.value;
  if (fresh) form.replaceWith(document.adoptNode(fresh));
  $("form[data-theme-switch] button")?.focus();
});

// Unsaved work is not left by accident.
let dirty = false;
on("input", "form[data-guard]", () => (dirty = true));
on("submit", "form[data-guard]", () => (dirty = false));
addEventListener("beforeunload", (event) => {
  if (dirty) event.preventDefault();
});

// Keys: never inside a field, and they can be turned off.
const places = { c: "/connectors", t: "/types", e: "/executions", r: "/runs", n: "/new" };
let lead = -Infinity;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey) {
    const form = event.key === "Enter" && event.target.closest("form");
    const main = form && $("button.main, button[data-main]", form);
    if (main) main.click();
    return;
  }
  const within = "input, textarea, select, [contenteditable], dialog[open]";
  if (event.altKey || event.target.closest(within) || !("keys" in document.body.dataset)) return;
  if (localStorage.getItem("keys") === "off") return;
  if (event.key === "/") {
    const box = $("main input[type=search]") ?? $("main form[role=search] input");
    if (box) {
      event.preventDefault();
      box.focus();
      box.select?.();
    }
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  } else if (event.key === "g") {
    lead = event.timeStamp;
  } else if (event.timeStamp - lead < 1500) {
    const place = places[event.key];
    lead = -Infinity;
    if (place && $(`nav a[href="${place}"], a[href="${place}"]`)) location.assign(place);
  }
});

// A button that saves says which version: the smallest, or the one that is typed.
on("input", "form[data-version]", (form) => {
  const other = form.elements["/version"];
  const version = form.elements.choice?.value === "other" ? other.value.trim() : form.dataset.version;
  for (const text of $$("[data-says]")) {
    text.textContent = version;
    text.closest("button").value = version;
  }
});

// Times in the zone of the reader; the title keeps the other form.
function zone(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const local = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  time.title = `${local} (${Intl.DateTimeFormat().resolvedOptions().timeZone}), ${time.title}`;
  if (time.dataset.exact !== undefined) time.textContent = local;
}

function find(box) {
  box.hidden = false;
  box.addEventListener("input", () => {
    const text = box.value.toLowerCase();
    for (const field of $$(".fields > .field, .types > .choice, .menu li", box.closest("[data-find-in]")))
      field.hidden = !field.textContent.toLowerCase().includes(text);
  });
}

function wake(within) {
  for (const button of $$("[data-reveal]", within)) button.hidden = false;
  for (const time of $$("time", within)) zone(time);
  for (const box of $$("[data-find-field]", within)) find(box);
  for (const box of $$("[data-keys-switch]", within)) {
    box.checked = localStorage.getItem("keys") !== "off";
    box.addEventListener("change", () => {
      localStorage.setItem("keys", box.checked ? "on" : "off");
      for (const other of $$("[data-keys-switch]")) other.checked = box.checked;
    });
  }
  if ($("[data-tree]", within)) import("./tree.js").then((tree) => $$("[data-tree]", within).forEach(tree.attach));
  if ($("[data-editor], [data-code]", within))
    import("./editor.js").then((editor) => {
      $$("[data-editor]", within).forEach(editor.attach);
      $$("[data-code]", within).forEach(editor.colour);
    });
  if ($("[data-await]", within)) import("./live.js").then((live) => $$("[data-await]", within).forEach(live.wait));
  if ($("[data-pick]", within)) import("./pick.js").then((pick) => $$("[data-pick]", within).forEach(pick.attach));
  if ($("[data-live]", within)) import("./live.js").then((live) => $$("[data-live]", within).forEach(live.attach));
  for (const dialog of $$("dialog[data-open]", within)) dialog.showModal();
  $("[data-focus]", within)?.focus();
  // What was just done is said once, not again after a reload.
  if ($("[data-once]", within)) history.replaceState(null, "", location.pathname);
}

// For browsers that do not know `command` yet.
if (!("command" in HTMLButtonElement.prototype))
  on("click", "[commandfor]", (button) => {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "close") dialog.close();
    else dialog.showModal();
  });

wake(document);
