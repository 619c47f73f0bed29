// Keeps the moving part of a page as the server tells it (server-sent events), and says when it no longer does.
"use strict";

const live = document.querySelector("[data-live]");

// Puts new parts in the place of the old ones. A form that somebody is filling in stays, unless it is gone.
function renew(html) {
  const told = new DOMParser().parseFromString(html, "text/html").body;
  const old = new Map([...live.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const open = new Set([...live.querySelectorAll("details[open]")].map(place));
  let before = null;
  for (const part of [...told.querySelectorAll("[data-part]")]) {
    let stands = old.get(part.dataset.part);
    old.delete(part.dataset.part);
    if (!stands) {
      stands = document.importNode(part, true);
      if (before) before.after(stands); else live.prepend(stands);
    } else if (stands.innerHTML !== part.innerHTML && !busy(stands)) {
      const news = document.importNode(part, true);
      stands.replaceWith(news);
      stands = news;
    }
    before = stands;
  }
  for (const part of old.values()) part.remove();
  for (const details of live.querySelectorAll("details")) if (open.has(place(details))) details.open = true;
}

function place(details) {
  const part = details.closest("[data-part]");
  return part ? part.dataset.part + [...part.querySelectorAll("details")].indexOf(details) : "";
}

function busy(part) {
  if (!part.querySelector("form")) return part.contains(document.activeElement);
  return part.contains(document.activeElement) || [...part.querySelectorAll("input, select")].some(
    (field) => field.type === "radio" ? field.checked : field.type !== "hidden" && field.value !== field.defaultValue && field.value !== "");
}

if (live && "EventSource" in window) {
  const lost = document.getElementById("lost");
  const said = document.getElementById("said");
  const source = new EventSource(live.dataset.live);
  source.onopen = () => { lost.hidden = true; };
  source.onerror = () => { lost.hidden = false; };
  source.onmessage = (event) => {
    const told = JSON.parse(event.data);
    renew(told.html);
    const words = new DOMParser().parseFromString(told.said, "text/html").body.textContent;
    if (said.textContent !== words) said.textContent = words;
  };
  source.addEventListener("over", () => { source.close(); });
}
