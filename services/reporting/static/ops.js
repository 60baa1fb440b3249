// Keeps the operations page moving: told by Server-Sent Events when there is something new, it reads itself again, with
// whatever its reader has asked for. One request is on its way at a time; when nothing is heard it says since when.
"use strict";

const OPS_SILENCE_MS = 10000;
const OPS_REFRESH_MS = 5000;
const OPS_WAIT_MS = 10000;

const ops = { heard: Date.now(), read: Date.now(), isReading: false, isChanged: false };

function opsPart(part, next) {
  // Whoever reads what was unfolded, or is about to type, is not interrupted.
  const isRead = part.contains(document.activeElement) || part.querySelector("details[open]");
  const isTyped = [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((one) => one.value !== one.defaultValue);
  if (isRead || isTyped || next.innerHTML === part.innerHTML) return;
  part.replaceChildren(...document.importNode(next, true).childNodes);
}

async function opsRead() {
  if (ops.isReading || document.hidden) return;
  ops.isReading = true;
  ops.isChanged = false;
  try {
    const address = new URL(location.href);
    address.searchParams.delete("told");
    address.searchParams.set("lang", lang);
    const signal = AbortSignal.timeout(OPS_WAIT_MS);
    const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "manual", signal });
    if (answer.type === "opaqueredirect") { location.reload(); return; } // the session has ended: the log-in page says so
    if (!answer.ok) throw new Error(`${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const next = fresh.getElementById(part.id);
      if (next) opsPart(part, next);
    }
    ops.read = Date.now();
  } catch { // it says so itself, once it has lasted
  } finally {
    ops.isReading = false;
  }
}

function opsListen() {
  const stream = new EventSource("/v1/ops/events");
  const hear = () => { ops.heard = Date.now(); };
  stream.addEventListener("beat", hear);
  stream.addEventListener("changed", () => { hear(); ops.isChanged = true; });
  return stream;
}

// What is shown is as old as the older of both: the last that was heard, and the last that was read.
function opsTick() {
  const now = Date.now(), oldest = Math.min(ops.heard, ops.read);
  told(now - oldest < OPS_SILENCE_MS || document.hidden ? null : oldest);
  if (now - ops.read >= (ops.isChanged ? 2000 : OPS_REFRESH_MS)) opsRead();
}

if (document.body.dataset.page === "ops") {
  let stream = opsListen();
  setInterval(opsTick, 1000);
  setInterval(() => { if (stream.readyState === EventSource.CLOSED) stream = opsListen(); }, OPS_SILENCE_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) opsRead(); });
  document.getElementById("told")?.focus({ preventScroll: true });
}
