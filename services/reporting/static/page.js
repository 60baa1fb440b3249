// Keeps a page that the server has already written moving: figures by Server-Sent Events, tables by reading the page
// again. Numbers are written as `api/texts.py` writes them.
"use strict";

const REFRESH_MS = 5000;
const SILENCE_MS = 10000;

const page = document.body.dataset.page;
const lang = document.body.dataset.lang;
const SCALES = { zh: [[1e8, "亿"], [1e4, "万"]], en: [[1e9, "billion"], [1e6, "million"]] };

const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
];

const grouped = (value, digits = 0) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

function short(value) {
  for (const [size, name] of SCALES[lang]) {
    if (Math.abs(value) >= size) return `${grouped(value / size, 2)} ${name}`;
  }
  return Number.isInteger(value) ? grouped(value) : grouped(value, 2);
}

// An amount ends with a space where its unit stands apart from it.
function yuan(fen, amount) {
  const sign = fen < 0 ? "-" : "";
  return lang === "zh" ? `${sign}${amount}元` : `${sign}¥${amount.trimEnd()}`;
}

const FORMS = {
  count: (value) => grouped(value),
  short,
  money: (fen) => yuan(fen, `${grouped(Math.abs(fen) / 100, 2)} `),
  money_short: (fen) =>
    yuan(fen, Math.abs(fen) >= 1e8 ? short(Math.abs(fen) / 100) : `${grouped(Math.abs(fen) / 100, 2)} `),
  moment: (at) => new Date(at).toLocaleString("sv-SE", { timeZone: "Asia/Shanghai" }),
  instant: (at) => {
    const [day, time] = FORMS.moment(at).split(" ");
    const [y, m, d] = day.split("-").map(Number);
    return lang === "zh" ? `${y}年${m}月${d}日 ${time}` : `${d} ${MONTHS[m - 1]} ${y}, ${time}`;
  },
};

const at = (totals, path) => path.split(".").reduce((value, step) => value?.[step], totals);

function show(totals) {
  for (const node of document.querySelectorAll("[data-total]")) {
    const value = at(totals, node.dataset.total);
    if (value === undefined || value === null) continue;
    const text = FORMS[node.dataset.form](value);
    if (node.textContent !== text) node.textContent = text;
  }
  for (const node of document.querySelectorAll("[data-mean]")) {
    if (totals.donations) node.textContent = grouped(totals.received_fen / totals.donations, 1);
  }
  for (const node of document.querySelectorAll("[data-one]")) {
    const value = at(totals, node.dataset.plural);
    if (value !== undefined) node.textContent = value === 1 ? node.dataset.one : node.dataset.many;
  }
  for (const node of document.querySelectorAll("[data-some]")) node.hidden = !at(totals, node.dataset.some);
}

// What is shown while nothing is heard says since when.
function told(since) {
  const lost = document.querySelector("[data-lost]"), fresh = document.querySelector("[data-fresh]");
  if (!lost) return;
  if (since !== null) lost.querySelector("[data-since]").textContent = FORMS.instant(since);
  lost.hidden = since === null;
  if (fresh) fresh.hidden = since !== null;
}

// The sentence at the top has several forms, as `api/pages.py` names them; only the server knows how to write them.
function headline(totals) {
  if (!totals.donations) return "empty";
  const { accepted } = totals.parcels;
  const arrived = accepted ? (accepted === 1 ? "parcel" : "parcels") : "way";
  return `${totals.donations === 1 ? "donation" : "donations"}_${arrived}`;
}

function reshape(totals) {
  const shown = document.getElementById("headline")?.dataset.state;
  if (!shown || shown === headline(totals)) return;
  if (shown === "empty") location.reload();
  else refresh("#sentence").catch(() => {}); // with the next event it is asked for again
}

// Without what is being followed: only parts that are the same for everybody are read again.
const own = new URL(location.pathname, location.origin);
own.searchParams.set("lang", lang);

async function refresh(selector) {
  const answer = await fetch(own, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll(selector)) {
    const next = fresh.getElementById(part.id);
    // Whoever reads a query, or is about to type, is not interrupted.
    const isRead = part.contains(document.activeElement) || part.querySelector("details[open]");
    if (next && !isRead && next.innerHTML !== part.innerHTML) {
      part.replaceChildren(...document.importNode(next, true).childNodes);
    }
  }
}

// A browser connects again by itself, but not after an answer that is no stream.
function opened(onEvent) {
  const stream = new EventSource("/v1/events");
  stream.addEventListener("totals", onEvent);
  stream.addEventListener("fresh", onEvent);
  return stream;
}

function listen() {
  let last = Date.now();
  const onEvent = (event) => {
    last = Date.now();
    told(null);
    const totals = JSON.parse(event.data);
    show(totals);
    if (event.type === "totals") reshape(totals);
  };
  let stream = opened(onEvent);
  setInterval(() => { told(Date.now() - last < SILENCE_MS ? null : last); }, 1000);
  setInterval(() => { if (stream.readyState === EventSource.CLOSED) stream = opened(onEvent); }, SILENCE_MS);
}

// Reads the parts anew; of a page without a stream it says when that fails.
function reread() {
  let last = Date.now();
  setInterval(async () => {
    if (document.hidden) return;
    try {
      await refresh("[data-part]");
      last = Date.now();
      if (page !== "public") told(null);
    } catch {
      if (page !== "public") told(last);
    }
  }, REFRESH_MS);
}

// The other language, with whatever else the address says.
for (const link of document.querySelectorAll("[data-switch]")) {
  const wanted = new URL(location.href);
  wanted.searchParams.set("lang", new URL(link.href).searchParams.get("lang"));
  link.href = wanted.href;
}

document.documentElement.classList.add("live");
if (page === "public") listen();
// What was known once does not change.
if (page !== "past") reread();
