// Makes a passkey, or logs in with one, where the browser can.
"use strict";
(() => {
  const button = document.getElementById("passkey");
  if (!button || !window.PublicKeyCredential?.parseRequestOptionsFromJSON) return;
  const said = document.getElementById("passkey-said");
  const send = async (path, body) => {
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": button.dataset.csrf || "" };
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };
  const use = async () => {
    const at = button.dataset.at;
    const asked = await send(`${at}/ask`, {});
    const credential = button.dataset.csrf
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
    window.location = (await send(at, credential.toJSON())).to;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    said.hidden = true;
    use().catch(() => { said.hidden = false; });
  });
})();
