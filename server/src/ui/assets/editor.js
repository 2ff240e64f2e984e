// Code in colours: an editor that stays a text area over its coloured copy, of which only the lines in sight are drawn,
// and listings that are only read.
import { say } from "./floh.js";

const set = (words) => new Set(words.split(" "));
const WORDS = set(
  "break case catch class const continue debugger default delete do else export extends finally for function if import " +
    "in instanceof let new of return static super switch this throw try typeof var void while with yield async await",
);
const VALUES = set("true false null undefined NaN Infinity");
const TOKEN =
  /(\/\/.*)|(\/\*)|("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|(`)|(0[xXbBoO][\da-fA-F_]+|\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?n?)|([A-Za-z_$][\w$]*)|(\/)|([{}])|(\s+)|(.)/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\]|\\.)*\])+\/[a-z]*/y;
// The longest line that is coloured, in characters.
const LONG = 2000;

// Splits one line into parts with their colour. `state` is what is open at its start: `*` a comment, "`" a template, `{` a
// brace in one. Returns the parts and what is open at the end.
function split(line, state, lang) {
  if (lang === "plain" || line.length > LONG) return [[["", line]], state];
  const parts = [];
  let at = 0;
  let before = "(";
  const put = (kind, end) => {
    if (end > at) parts.push([kind, line.slice(at, end)]);
    at = end;
  };
  while (at < line.length) {
    const top = state.at(-1);
    if (top === "*") {
      const end = line.indexOf("*/", at);
      put("c", end < 0 ? line.length : end + 2);
      if (end >= 0) state = state.slice(0, -1);
      continue;
    }
    if (top === "`") {
      const text = /[^`\\$]+|\\.|\$(?!\{)|\$\{|`|\\$/y;
      let [end, hit] = [at, null];
      text.lastIndex = at;
      while ((hit = text.exec(line)) && hit[0] !== "${" && hit[0] !== "`") end = text.lastIndex;
      put("s", hit ? end : line.length);
      if (!hit) break;
      const ends = hit[0] === "`";
      state = ends ? state.slice(0, -1) : state + "{";
      put(ends ? "s" : "k", at + hit[0].length);
      before = ends ? "a" : "(";
      continue;
    }
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(line);
    if (!found) break;
    const end = TOKEN.lastIndex;
    const [, comment, block, text, template, number, word, slash, brace, , other] = found;
    if (comment) put("c", end);
    else if (block) state += "*";
    else if (text) {
      put(lang === "json" && /^\s*:/.test(line.slice(end)) ? "f" : "s", end);
      before = "a";
    } else if (template) {
      state += "`";
      put("s", end);
    } else if (number) {
      put("m", end);
      before = "a";
    } else if (word) {
      const called = word === "floh" || /^\s*\(/.test(line.slice(end));
      put(WORDS.has(word) ? "k" : VALUES.has(word) ? "m" : called ? "f" : "", end);
      before = WORDS.has(word) ? "(" : "a";
    } else if (slash) {
      REGEX.lastIndex = at;
      const isText = "(,=:[!&|?{};+-*%<>~^".includes(before) && REGEX.test(line);
      put(isText ? "s" : "", isText ? REGEX.lastIndex : end);
      before = isText ? "a" : "/";
    } else {
      if (brace === "{" && state) state += "{";
      else if (brace === "}" && top === "{") state = state.slice(0, -1);
      put("", end);
      if (brace || other) before = brace === "{" ? "(" : /[})\]]/.test(brace ?? other) ? "a" : other;
    }
  }
  return [parts, state];
}

const span = (kind, text) => Object.assign(document.createElement("span"), { className: kind, textContent: text });

/** Colours a listing. */
export function colour(pre) {
  const rows = document.createDocumentFragment();
  let state = "";
  for (const line of pre.textContent.split("\n")) {
    const [parts, after] = split(line, state, pre.dataset.lang);
    state = after;
    rows.append(...parts.map(([kind, text]) => (kind ? span(kind, text) : text)), "\n");
  }
  rows.lastChild.remove();
  (pre.querySelector("code") ?? pre).replaceChildren(rows);
}

/** Makes an editor of a text area. */
export function attach(root) {
  const area = root.querySelector("textarea");
  const code = root.querySelector("code");
  const gutter = root.querySelector(".gutter").appendChild(document.createElement("div"));
  const { lang, mostLines, mostChars } = root.dataset;
  const marks = new Map(JSON.parse(root.dataset.marks).map(([line, ...rest]) => [line, rest]));
  let lines = [];
  let starts = [""];
  let height = 0;
  const tall = () => height || (area.clientHeight ? (height = parseFloat(getComputedStyle(area).lineHeight)) : 20);

  function draw() {
    if (!root.hasAttribute("data-live")) return;
    const top = area.scrollTop;
    const first = Math.max(0, Math.floor(top / tall()) - 8);
    const last = Math.min(lines.length, Math.ceil((top + area.clientHeight) / tall()) + 8);
    const [rows, numbers] = [document.createDocumentFragment(), document.createDocumentFragment()];
    for (let number = first; number < last; number++) {
      for (let known = starts.length; known <= number; known++)
        starts[known] = split(lines[known - 1], starts[known - 1], lang)[1];
      const [parts, after] = split(lines[number], starts[number], lang);
      starts[number + 1] ??= after;
      const [bad, message] = marks.get(number + 1) ?? [];
      let column = 1;
      for (const [kind, text] of parts) {
        const wrong = bad >= column && bad < column + text.length;
        rows.append(kind || wrong ? span(wrong ? `${kind} err` : kind, text) : text);
        column += text.length;
      }
      if (bad >= column) rows.append(span("err", " "));
      rows.append("\n");
      const label = marks.has(number + 1) ? span("bad", number + 1) : number + 1;
      if (message) label.title = message;
      numbers.append(label, "\n");
    }
    code.replaceChildren(rows);
    gutter.replaceChildren(numbers);
    const shift = first * tall() - top;
    code.style.transform = `translate(${-area.scrollLeft}px, ${shift}px)`;
    gutter.style.transform = `translateY(${shift}px)`;
  }

  function read(event) {
    const next = area.value.split("\n");
    const isPlain = next.length > mostLines || area.value.length > mostChars;
    root.toggleAttribute("data-live", !isPlain);
    const field = root.parentElement;
    for (const [part, hidden] of [["colours", isPlain], ["plain", !isPlain]])
      for (const note of field.querySelectorAll(`[data-${part}]`)) note.hidden = hidden;
    if (event) marks.clear();
    if (isPlain) return code.replaceChildren();
    let same = 0;
    while (same < next.length && same < lines.length && next[same] === lines[same]) same++;
    lines = next;
    starts.length = Math.min(starts.length, same + 1);
    gutter.style.minInlineSize = `${String(lines.length).length}ch`;
    draw();
  }

  function mode(isOn) {
    if (root.hasAttribute("data-tabs") === isOn) return;
    root.toggleAttribute("data-tabs", isOn);
    say(isOn ? "Tab indents" : "Tab moves on");
  }
  const put = (text) => document.execCommand("insertText", false, text);
  function indent(back) {
    const { selectionStart: start, selectionEnd: end, value } = area;
    const from = value.lastIndexOf("\n", start - 1) + 1;
    if (!back && !value.slice(start, end).includes("\n")) return put("  ");
    const chosen = value.slice(from, end);
    const moved = back ? chosen.replace(/^ {1,2}/gm, "") : chosen.replace(/^(?=.)/gm, "  ");
    if (moved === chosen) return;
    area.setSelectionRange(from, end);
    put(moved);
    if (start < end) area.setSelectionRange(from, from + moved.length);
  }
  area.addEventListener("keydown", (event) => {
    const { key, ctrlKey, shiftKey, altKey, metaKey } = event;
    if (key === "m" && ctrlKey) mode(!root.hasAttribute("data-tabs"));
    else if (key === "Escape") return mode(false);
    else if (key === "Tab" && root.hasAttribute("data-tabs") && !ctrlKey && !altKey) indent(shiftKey);
    else if (key === "Enter" && !(ctrlKey || metaKey || altKey || shiftKey || event.isComposing)) {
      const before = area.value.slice(0, area.selectionStart);
      const own = /[ \t]*/.exec(before.slice(before.lastIndexOf("\n") + 1))[0];
      put(`\n${own}${/[{[(]\s*$/.test(before) ? "  " : ""}`);
    } else return;
    event.preventDefault();
  });

  // A line of the summary leads to its place in the text.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(`a[href="#${CSS.escape(area.id)}"]`);
    const place = link && /line (\d+)(?:, column (\d+))?/i.exec(link.textContent);
    if (!place || !root.isConnected) return;
    event.preventDefault();
    const [line, column] = [Number(place[1]), Number(place[2] ?? 1)];
    const before = area.value.split("\n").slice(0, line - 1);
    const at = before.join("\n").length + (line > 1) + column - 1;
    area.focus();
    area.setSelectionRange(at, at);
    area.scrollTop = Math.max(0, (line - 4) * tall());
  });

  area.addEventListener("input", read);
  area.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(area);
  code.parentElement.inert = true;
  read();
  const [worst] = marks.keys();
  if (worst) area.scrollTop = Math.max(0, (worst - 4) * tall());
}
