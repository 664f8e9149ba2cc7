// Keys, the theme and the token of acts. Every page works without this file.
"use strict";

const typing = (element) => element.matches("input, select, textarea, [contenteditable]");
let after = "";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) {
    if (event.key === "Escape" && typing(event.target)) event.target.blur();
    return;
  }
  if (after === "g") {
    after = "";
    document.querySelector(`nav.side a[data-key="${CSS.escape(event.key)}"]`)?.click();
    return;
  }
  const act = { "/": find, "?": keys, j: () => move(1), k: () => move(-1), g: () => { after = "g"; setTimeout(() => { after = ""; }, 1500); } }[event.key];
  if (act) { event.preventDefault(); act(); }
});

function find() {
  const field = document.getElementById("find");
  field.focus();
  field.select();
}

function keys() {
  document.getElementById("keys").showModal();
}

function move(step) {
  const links = [...document.querySelectorAll("table.rows tbody tr, ol.story > li, .waits > li, .waits > article")].map((row) => row.querySelector("a, button, summary")).filter(Boolean);
  if (links.length === 0) return;
  const place = links.findIndex((link) => link === document.activeElement);
  const next = links[Math.max(0, Math.min(links.length - 1, place + step))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

document.getElementById("help")?.addEventListener("click", keys);
document.getElementById("theme")?.addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  document.cookie = `theme=${next};path=/;max-age=31536000;samesite=strict`;
});
document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf"]').content;
});
