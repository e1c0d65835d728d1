// Keeps a page up to date. Everything on it works without this file: it only spares the reload.
"use strict";
(() => {
  const about = document.body.dataset.live;
  const parts = new Map([...document.querySelectorAll("[data-part]")].map((part) => [part.id, part.innerHTML]));

  // Times are told from now, and now goes on.
  const units = [[172800, 86400, " days"], [3600, 3600, " h"], [60, 60, " min"], [0, 1, " s"]];
  const span = (seconds) => {
    const [, size, name] = units.find(([from]) => seconds >= from);
    return Math.floor(seconds / size) + name;
  };
  const tick = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const seconds = Math.round((Date.now() - Date.parse(time.dateTime)) / 1000);
      if (Number.isNaN(seconds)) continue;
      time.textContent = seconds < 0 ? "in " + span(-seconds) : span(seconds) + " ago";
    }
  };
  setInterval(tick, 15000);

  // How much waits, in the tab.
  const title = document.title;
  const count = () => {
    const waiting = document.querySelector("#places .count")?.firstChild?.textContent.trim();
    document.title = waiting ? `(${waiting}) ${title}` : title;
  };
  count();
  if (!about) return;

  // What somebody writes in, or has changed, is left alone, and so is what was said of what somebody sent.
  const isWritten = (field) =>
    field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
      : field.defaultValue !== undefined && field.type !== "hidden" && field.value !== field.defaultValue;
  const inUse = (part) =>
    part.querySelector('[role="alert"]') !== null ||
    [...part.querySelectorAll("input, textarea, select")].some((field) => field === document.activeElement || isWritten(field));

  // What was open stays open, and the focus stays where it was.
  const key = (element) => `${element.tagName} ${element.getAttribute("href") ?? ""} ${element.textContent}`;
  const replace = (part, fresh) => {
    const open = new Map([...part.querySelectorAll("details")].map((one) => [key(one.firstElementChild), one.open]));
    const focus = part.contains(document.activeElement) ? key(document.activeElement) : null;
    for (const one of fresh.querySelectorAll("details")) {
      const was = open.get(key(one.firstElementChild));
      if (was !== undefined) one.open = was;
    }
    part.replaceChildren(...fresh.childNodes);
    if (focus) [...part.querySelectorAll("a, button, summary, [tabindex]")].find((one) => key(one) === focus)?.focus();
  };

  const note = (text) => {
    const place = document.getElementById("live");
    if (!place) return;
    place.hidden = false;
    place.textContent = text;
  };

  let busy = false;
  let again = false;
  const refresh = async () => {
    if (busy || document.hidden) return void (again = true);
    busy = true;
    again = false;
    try {
      const answer = await fetch(location.href, { headers: { "x-refresh": "1" } });
      if (answer.redirected || !answer.ok) {
        source.close();
        return note("not kept up to date: load the page again");
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of page.querySelectorAll("[data-part]")) {
        const part = document.getElementById(fresh.id);
        const html = fresh.innerHTML;
        if (!part || parts.get(fresh.id) === html || inUse(part)) continue;
        parts.set(fresh.id, html);
        replace(part, fresh);
      }
      tick();
      count();
    } catch {
      note("the server cannot be reached");
    } finally {
      busy = false;
      if (again && !document.hidden) setTimeout(refresh, 500);
    }
  };

  const source = new EventSource("/live?about=" + encodeURIComponent(about));
  // What happened since the page was made, or while nobody listened, was told to nobody.
  source.addEventListener("open", () => {
    note("kept up to date");
    refresh();
  });
  source.addEventListener("changed", refresh);
  source.addEventListener("error", () =>
    note(source.readyState === EventSource.CLOSED ? "not kept up to date: load the page again" : "the server cannot be reached"));
  document.addEventListener("visibilitychange", () => again && !document.hidden && refresh());
})();
