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

const FORMS = {
  count: (value) => grouped(value),
  short,
  money: (fen) => `${fen < 0 ? "-" : ""}¥${grouped(Math.abs(fen) / 100, 2)}`,
  money_short: (fen) => {
    const text = Math.abs(fen) >= 1e8 ? short(fen / 100) : grouped(fen / 100, 2);
    return lang === "zh" ? `${text} 元` : `¥${text}`;
  },
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
}

// The sentence at the top has three forms; which one it is only the server knows how to write.
function outgrown(totals) {
  const state = document.getElementById("headline")?.dataset.state;
  return (state === "empty" && totals.donations > 0) || (state === "donations" && totals.parcels.packed > 0);
}

// Without what is being followed: only parts that are the same for everybody are read again.
const own = new URL(location.pathname, location.origin);
own.searchParams.set("lang", lang);

async function refresh(selector) {
  const answer = await fetch(own, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) return;
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

function listen() {
  let last = Date.now();
  const lost = document.querySelector("[data-lost]");
  const stream = new EventSource("/v1/events");
  const onEvent = (event) => {
    last = Date.now();
    lost.hidden = true;
    const totals = JSON.parse(event.data);
    show(totals);
    if (event.type === "totals" && outgrown(totals)) location.reload();
  };
  stream.addEventListener("totals", onEvent);
  stream.addEventListener("fresh", onEvent);
  setInterval(() => { lost.hidden = Date.now() - last < SILENCE_MS; }, 1000);
}

// The other language, with whatever else the address says.
for (const link of document.querySelectorAll("[data-switch]")) {
  const wanted = new URL(location.href);
  wanted.searchParams.set("lang", new URL(link.href).searchParams.get("lang"));
  link.href = wanted.href;
}

if (page === "public") listen();
// What was known once does not change.
if (page !== "past") {
  setInterval(() => { if (!document.hidden) refresh("[data-part]").catch(() => {}); }, REFRESH_MS);
}
