// The queue and the page of a question: fresh by themselves, quick by keyboard; everything works without this.
"use strict";

const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
const token = () => document.querySelector('input[name="jeton"]')?.value ?? "";

// --- the queue keeps itself fresh ---
const file = document.getElementById("file");
if (file) {
  let mark = "";
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(file.dataset.fresh, { headers: { Accept: "application/json", "If-None-Match": mark } });
      if (answer.status === 401) { location.assign("/bureau/entrer?fin=1"); return; }
      if (answer.status !== 200) return;
      const known = mark;
      mark = answer.headers.get("ETag") ?? "";
      if (!known && Number(file.dataset.waiting) === -1) return;
      const told = await answer.json();
      const chosen = document.activeElement?.closest?.("[data-row]")?.dataset.row;
      file.innerHTML = told.html;
      if (chosen) file.querySelector(`[data-row="${chosen}"] a`)?.focus();
      document.title = document.title.replace(/^\(.*?\) /, "").replace(/^/, told.waiting ? `(${told.waiting}) ` : "");
      const before = Number(file.dataset.waiting);
      file.dataset.waiting = told.waiting;
      if (told.waiting > before) document.getElementById("file-dit").textContent = "Une nouvelle question est arrivée.";
    } catch { /* away for a moment: the next look will tell */ }
  };
  setInterval(look, Number(file.dataset.every ?? 10000));
  document.addEventListener("visibilitychange", look);
}

// --- keyboard ---
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const rows = [...document.querySelectorAll("[data-row] a.title")];
  const at = rows.indexOf(document.activeElement);
  const keys = {
    j: () => rows[Math.min(at + 1, rows.length - 1)]?.focus(),
    k: () => rows[Math.max(at - 1, 0)]?.focus(),
    "/": () => document.querySelector('input[type="search"]')?.focus(),
    "?": () => location.assign("/bureau/aide"),
    p: () => location.assign("/bureau/appel"),
    a: () => document.querySelector('[data-key="a"]')?.focus(),
    r: () => document.querySelector('[data-key="r"]')?.click(),
    u: () => document.querySelector('[data-key="u"]')?.click(),
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});

// --- the page of a question ---
const insert = (area, words) => {
  area.value = [area.value.trimEnd(), words].filter(Boolean).join("\n\n");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  area.focus();
};

const form = document.getElementById("f-repondre");
if (form) {
  const area = form.querySelector("textarea");
  const said = document.getElementById("garde");
  let timer = 0;
  const pulse = async (writes) => {
    const data = new FormData();
    data.set("jeton", token());
    data.set("vu", form.querySelector('[name="vu"]').value);
    if (writes) data.set("texte", area.value);
    try {
      const answer = await fetch(form.dataset.pulse, { method: "POST", body: data, headers: { Accept: "application/json" } });
      if (!answer.ok) { if (writes) said.textContent = "Le brouillon n'a pas pu être gardé."; return; }
      const told = await answer.json();
      if (writes) {
        said.textContent = area.value.trim() ? "Brouillon gardé." : "";
        document.getElementById("apercu").innerHTML = told.preview;
      }
      const fresh = document.getElementById("nouveau");
      if (told.news && fresh.innerHTML !== told.news) fresh.innerHTML = told.news;
      const others = document.getElementById("autres");
      const names = told.others.join(", ");
      if (others.dataset.names !== names) {
        others.dataset.names = names;
        others.replaceChildren();
        if (names) {
          const line = document.createElement("p");
          line.className = "told waiting";
          line.textContent = `${names} ${told.others.length > 1 ? "regardent" : "regarde"} aussi cette question.`;
          others.append(line);
        }
      }
    } catch { if (writes) said.textContent = "Le brouillon n'a pas pu être gardé."; }
  };
  area.addEventListener("input", () => {
    clearTimeout(timer);
    said.textContent = "";
    timer = setTimeout(() => pulse(true), 900);
  });
  form.addEventListener("submit", () => clearTimeout(timer));
  pulse(Boolean(area.value));
  setInterval(() => { if (!document.hidden) pulse(false); }, 30000);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-words]");
    if (!button || button.form?.id === "f-appel") return;
    event.preventDefault();
    insert(area, button.dataset.words);
  });
  for (const button of document.querySelectorAll("button[data-words][hidden]")) button.hidden = false;
}

for (const seek of document.querySelectorAll("form[data-seek]")) {
  seek.addEventListener("submit", async (event) => {
    event.preventDefault();
    const words = new URLSearchParams(new FormData(seek));
    words.set("morceau", "1");
    const answer = await fetch(`${seek.action}?${words}`, { headers: { Accept: "application/json" } });
    if (answer.ok) document.querySelector(seek.dataset.seek).innerHTML = (await answer.json()).html;
  });
}

// --- a call in progress ---
const call = document.getElementById("f-appel");
if (call) {
  const area = call.querySelector("[data-look]");
  const found = document.querySelector(area.dataset.lookIn);
  const show = () => { for (const button of found.querySelectorAll("button[data-words]")) button.hidden = false; };
  let timer = 0;
  let asked = 0;
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked;
      try {
        const answer = await fetch(`${area.dataset.look}?q=${encodeURIComponent(area.value.slice(0, 500))}`, { headers: { Accept: "application/json" } });
        if (!answer.ok || mine !== asked) return;
        found.innerHTML = (await answer.json()).html;
        show();
      } catch { /* the button « Chercher » is still there */ }
    }, 300);
  });
  found.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-words]");
    if (!button) return;
    call.querySelector('[name="fiche"]').value = button.dataset.slug;
    insert(call.querySelector('[name="reponse"]'), button.dataset.words);
  });
  show();
}
