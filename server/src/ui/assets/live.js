// Rows that appear while one looks. Nothing moves under the hand: new ones wait until they are asked for.
import { parse, say } from "./floh.js";

const MOST_ROWS = 200;

export function attach(mark) {
  const rows = document.getElementById("rows");
  const box = document.getElementById("new-rows");
  const pause = document.getElementById("pause");
  let waiting = [];
  let source;
  let last = mark.dataset.last;

  const words = { live: "Live", paused: "Paused", lost: "Connection lost; trying again", ended: "Connection lost. Reload the page" };
  const state = (name) => {
    mark.dataset.state = name;
    mark.querySelector("span").textContent = words[name];
  };
  const show = () => {
    box.hidden = waiting.length === 0;
    box.querySelector("button").textContent = `${waiting.length} new`;
  };
  const put = (list) => {
    document.getElementById("no-rows")?.remove();
    rows.closest("[hidden]")?.removeAttribute("hidden");
    rows.prepend(...list);
    while (rows.rows.length > MOST_ROWS) rows.lastElementChild.remove();
  };
  const take = (event) => {
    last = event.lastEventId || last;
    const row = parse(`<table><tbody>${event.data}</tbody></table>`).querySelector("tr");
    const old = row && document.getElementById(row.id);
    if (!row) return;
    if (old) old.replaceWith(row);
    else if (scrollY < 40 && !rows.matches(":hover, :focus-within")) put([row]);
    else {
      waiting = [row, ...waiting.filter((other) => other.id !== row.id)].slice(0, MOST_ROWS);
      show();
    }
  };

  const close = () => {
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    const address = new URL(mark.dataset.live, location);
    if (last) address.searchParams.set("after", last);
    source = new EventSource(address);
    source.addEventListener("open", () => state("live"));
    // A server that refuses, as after the end of a session, is not asked again.
    source.addEventListener("error", () => state(source?.readyState === EventSource.CLOSED ? "ended" : "lost"));
    source.addEventListener("row", take);
    source.addEventListener("reload", () => {
      close();
      state("paused");
      say("Too much happened to show it here. Reload the page.");
    });
  };

  box.querySelector("button").addEventListener("click", () => {
    put(waiting);
    waiting = [];
    show();
    rows.querySelector("a")?.focus();
  });
  pause.hidden = false;
  pause.addEventListener("click", () => {
    if (source) {
      close();
      state("paused");
      pause.textContent = "Resume";
    } else {
      pause.textContent = "Pause";
      open();
    }
  });
  const wanted = () => pause.textContent === "Pause" && !document.hidden;
  document.addEventListener("visibilitychange", () => (wanted() ? open() : close()));
  addEventListener("pagehide", close);
  if (!document.hidden) open();
}

// A page of something that has not ended is loaded again when it has.
export function wait(mark) {
  const source = new EventSource(mark.dataset.await);
  source.addEventListener("row", () => location.reload());
  source.addEventListener("reload", () => location.reload());
  addEventListener("pagehide", () => source.close());
}
