// The form of an entry: previews, the count of the SMS and hints follow what is typed. Without it: « Vérifier ».
"use strict";

for (const form of document.querySelectorAll("form[data-preview]")) {
  const place = form.querySelector("[data-beside-content]");
  let timer = 0;
  let asked = 0;

  const refresh = async () => {
    const mine = ++asked;
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body, credentials: "same-origin" });
      if (answer.ok && !answer.redirected && mine === asked) place.innerHTML = await answer.text();
    } catch { /* the line is down: what stood there stays, and « Vérifier » asks again */ }
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 350);
  });
}
