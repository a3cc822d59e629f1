// Makes the chat live: sends without a reload, hears the answers as they come. Every page works without it.
(() => {
  "use strict";

  // A page that « back » brings out of memory holds forms that were sent already: ask for it anew.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
      else document.execCommand("copy");
      button.textContent = "Lien copié";
    } catch { button.textContent = "Sélectionné : copiez-le"; }
  });
  const showCopyButtons = () => document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
  showCopyButtons();

  // A second press while the first is under way sends nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.live) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 4000);
  });

  const log = document.getElementById("fil");
  if (!log) return;
  const state = document.getElementById("etat");
  const composer = document.getElementById("composer");
  const title = document.title;
  let patience = 0;

  const near = () => innerHeight + scrollY > document.documentElement.scrollHeight - 700;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const look = (element) => element.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });

  function say(text, late) {
    clearTimeout(patience);
    state.replaceChildren();
    if (!text) return;
    const line = document.createElement("p");
    line.className = late ? "thinking late" : "thinking";
    if (!late) {
      const dots = document.createElement("span");
      dots.className = "dots";
      dots.setAttribute("aria-hidden", "true");
      dots.append(document.createElement("i"), document.createElement("i"), document.createElement("i"));
      line.append(dots, " ");
    }
    line.append(text);
    state.append(line);
  }
  function wait() {
    say("Je cherche la réponse…", false);
    patience = setTimeout(() => say("Pas encore de réponse, mais votre message est bien enregistré. Vous pouvez revenir plus tard.", true), 120000);
  }
  if (state.querySelector(".dots")) wait();

  function problem(text) {
    const place = composer.querySelector(".problem-place");
    const field = composer.elements.texte;
    place.replaceChildren();
    if (!text) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
      return;
    }
    const line = document.createElement("p");
    line.className = "problem";
    line.id = "erreur";
    line.textContent = text;
    place.append(line);
    field.setAttribute("aria-describedby", "erreur");
  }

  // The HTML comes from our own server, which has escaped what people wrote.
  function add(html) {
    const piece = document.createElement("template");
    piece.innerHTML = html;
    const message = piece.content.querySelector(".message");
    if (message.id && document.getElementById(message.id)) return null;
    log.querySelector(".nothing")?.remove();
    log.querySelectorAll(".choices").forEach((each) => each.setAttribute("data-over", ""));
    message.classList.add("new");
    log.append(piece.content);
    return message;
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.live) return;
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "1";
    const pressed = event.submitter;
    const filled = new FormData(form);
    const withFile = form.elements.fichier?.files.length > 0;
    if (!withFile) filled.delete("fichier");
    const body = withFile ? filled : new URLSearchParams(filled);
    if (pressed?.name) body.set(pressed.name, pressed.value);
    if (pressed?.dataset.label) body.set("libelle", pressed.dataset.label);
    pressed?.setAttribute("aria-disabled", "true");
    problem("");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (answer.ok) {
        const message = add(told.html);
        if (form.elements.envoi) form.elements.envoi.value = told.form_id;
        if (form.dataset.live === "text") form.elements.texte.value = "";
        if (withFile) { form.elements.fichier.value = ""; form.querySelector(".joined").open = false; }
        if (form.dataset.live === "choice") composer.elements.texte.focus({ preventScroll: true });
        wait();
        if (message) look(state);
      } else if (told.why === "chat" || told.why === "token") {
        delete form.dataset.live; // let the server show the page that keeps the text
        delete form.dataset.sent;
        form.requestSubmit(pressed);
        return;
      } else {
        problem(told.error);
        composer.elements.texte.setAttribute("aria-invalid", "true");
        composer.elements.texte.focus();
      }
    } catch {
      problem("Pas de connexion : votre message n'est pas parti. Il reste ici, essayez de nouveau dans un instant.");
    } finally {
      delete form.dataset.sent;
      pressed?.removeAttribute("aria-disabled");
    }
  });

  composer.elements.texte.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) composer.requestSubmit(composer.querySelector(".send"));
  });

  // --- live ---
  let unread = 0;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { unread = 0; document.title = title; } });

  let held = null; // a panel that came while someone was typing in the old one
  function putPanel(html) {
    const place = document.getElementById("suivi-place");
    const piece = document.createElement("template");
    piece.innerHTML = html;
    const old = document.getElementById("suivi");
    if (old?.dataset.state === piece.content.querySelector("#suivi").dataset.state) return;
    if (place.contains(document.activeElement)) { held = html; return; }
    const open = [...place.querySelectorAll("details")].map((each) => each.open);
    place.replaceChildren(piece.content);
    place.querySelectorAll("details").forEach((each, index) => { each.open = open[index] || each.open; });
    document.body.classList.add("with-panel");
    showCopyButtons();
  }
  document.addEventListener("focusout", () => setTimeout(() => { if (held) { const html = held; held = null; putPanel(html); } }, 0));

  let source;
  function listen() {
    source = new EventSource("/conversation/flux?apres=" + log.dataset.last);
    source.addEventListener("message", (event) => {
      const told = JSON.parse(event.data);
      log.dataset.last = told.id;
      const stay = near();
      const message = add(told.html);
      if (!message) return;
      say("");
      if (stay) look(message.nextElementSibling || message);
      if (document.hidden) { unread += 1; document.title = `(${unread}) ${title}`; }
    });
    source.addEventListener("panneau", (event) => putPanel(JSON.parse(event.data).html));
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, 30000); });
  }
  listen();
  addEventListener("pagehide", () => source.close());
})();
