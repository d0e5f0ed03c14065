// Keeps an open page up to date. Everything can be read without it.
"use strict";
(() => {
  const live = document.getElementById("live");
  const clock = document.getElementById("clock");
  const pause = document.getElementById("pause");
  const held = document.getElementById("held");
  const silent = document.getElementById("silent");
  let address = live && live.dataset.live;
  if (!address || !window.EventSource) return;

  let paused = false;
  let pointing = false;
  let waiting = null;
  let source = null;

  // What a person opened stays open, and what has the focus keeps it.
  const show = (message) => {
    const end = message.indexOf("\n");
    clock.innerHTML = message.slice(0, end);
    const open = [...live.querySelectorAll("details[id][open]")].map((each) => each.id);
    const focus = live.contains(document.activeElement) ? document.activeElement : null;
    const path = focus && focus.id ? `#${CSS.escape(focus.id)}` : focus && focus.getAttribute("href") ? `a[href="${CSS.escape(focus.getAttribute("href"))}"]` : null;
    const scrolled = [...live.querySelectorAll(".scroll, .log")].map((each) => [each.scrollLeft, each.scrollTop]);
    live.innerHTML = message.slice(end + 1);
    if (window.htmx) window.htmx.process(live);
    open.forEach((id) => { const each = document.getElementById(id); if (each) each.open = true; });
    [...live.querySelectorAll(".scroll, .log")].forEach((each, index) => {
      if (scrolled[index]) [each.scrollLeft, each.scrollTop] = scrolled[index];
    });
    const again = path && live.querySelector(path);
    if (again) again.focus({ preventScroll: true });
    waiting = null;
    held.hidden = true;
  };

  // Nothing moves under the pointer, under a selection, or in a field that is being filled in.
  const busy = () => {
    const selection = document.getSelection();
    const selecting = selection && !selection.isCollapsed && live.contains(selection.anchorNode);
    const typing = live.contains(document.activeElement) && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    return pointing || selecting || typing;
  };

  const settle = () => {
    if (waiting !== null && !paused && !busy()) show(waiting);
    held.hidden = waiting === null || paused;
  };

  const connect = () => {
    if (source || paused || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("page", (event) => { waiting = event.data; settle(); });
    source.addEventListener("read", (event) => { if (waiting === null) clock.innerHTML = event.data; });
    source.onerror = () => { silent.hidden = false; };
    source.onopen = () => { silent.hidden = true; };
  };
  const disconnect = () => { if (source) source.close(); source = null; silent.hidden = true; };

  live.addEventListener("pointerenter", (event) => { pointing = event.pointerType === "mouse"; });
  live.addEventListener("pointerleave", () => { pointing = false; settle(); });
  document.addEventListener("selectionchange", settle);
  document.addEventListener("focusout", () => setTimeout(settle));
  document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else connect(); });
  window.addEventListener("pagehide", disconnect);
  // Come back to as it was left.
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  // A filter changed what the page is about.
  document.addEventListener("htmx:pushedIntoHistory", () => {
    disconnect();
    waiting = null;
    address = `/live?at=${encodeURIComponent(location.pathname + location.search)}`;
    connect();
  });
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) disconnect(); else connect();
    settle();
  });
  connect();
})();

// Follows the end of a topic: rows come on top, the oldest go.
(() => {
  const button = document.getElementById("follow");
  const told = document.getElementById("followed");
  const rows = document.getElementById("records");
  const ROWS_MAX = 200;
  if (!button || !rows || !window.EventSource) return;
  let source = null;
  const stop = (words) => {
    if (source) source.close();
    source = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow";
    told.textContent = words;
  };
  const start = () => {
    source = new EventSource(button.dataset.follow);
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop";
    told.textContent = " waiting for records";
    source.addEventListener("records", (event) => {
      const end = event.data.indexOf("\n");
      told.textContent = ` ${event.data.slice(0, end)} read`;
      const fresh = document.createElement("template");
      fresh.innerHTML = event.data.slice(end + 1);
      rows.prepend(fresh.content);
      while (rows.children.length > ROWS_MAX) rows.lastElementChild.remove();
    });
    source.addEventListener("read", (event) => { told.textContent = ` ${event.data} read`; });
    source.addEventListener("failed", (event) => { stop(""); told.innerHTML = event.data; });
    source.onerror = () => stop(" stopped: the server does not answer");
  };
  button.hidden = false;
  button.addEventListener("click", () => { if (source) stop(" stopped"); else start(); });
  window.addEventListener("pagehide", () => stop(""));
})();
