"""The page on which an invited person chooses a password; it works before the console's page is built."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SLT Relay console: choose a password</title>
<script src="/invitation.js" defer></script>
<main>
<h1>Choose a password</h1>
<p>At least 12 characters. The invitation works once.</p>
<form id="form">
<p><label>Password <input id="password" type="password" minlength="12" autocomplete="new-password" required></label></p>
<p><button>Set the password</button></p>
<p id="answer" role="status"></p>
</form>
</main>
</html>
"""
SCRIPT = """"use strict";
document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = document.getElementById("answer");
  const body = { invitation: location.hash.slice(1), password: document.getElementById("password").value };
  const response = await fetch("/api/invitation", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const told = await response.json();
  if (!response.ok) {
    answer.textContent = typeof told.detail === "string" ? told.detail : "This cannot be used as a password.";
    return;
  }
  answer.textContent = "Your name is " + told.name + ". ";
  const link = document.createElement("a");
  link.href = "/";
  link.textContent = "Sign in";
  answer.append(link);
});
"""
