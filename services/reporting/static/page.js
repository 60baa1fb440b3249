// Keeps a page that the server has already written moving: figures by Server-Sent Events, tables by reading the page
// again. Numbers are written as `api/texts.py` writes them.
"use strict";

const REFRESH_MS = 5000;
const SILENCE_MS = 10000;

const STALE_S = 30;
const SLIDE_PAUSE_MS = 250;
const CHART_PAUSE_MS = 1500;
const CHART_TRIES_MAX = 8;

const page = () => document.body.dataset.page;
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
  seconds: (value) => `${value.toFixed(1)} ${lang === "zh" ? "秒" : "s"}`,
  day: (at) => FORMS.instant(`${at}T00:00:00+08:00`).replace(/,? 00:00:00$/, ""),
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
  if (totals.complete_to) document.querySelector("[data-fresh]")?.removeAttribute("data-unknown");
  // Figures that are far behind say so, on a page that was opened before they were, too.
  const { donations, behind_s } = totals;
  const late = !donations ? "" : behind_s === null ? "unknown" : behind_s > STALE_S ? "late" : "";
  for (const node of document.querySelectorAll("[data-stale]")) node.hidden = node.dataset.stale !== late;
  for (const node of document.querySelectorAll("[data-some]")) node.hidden = !at(totals, node.dataset.some);
}

// What is shown while nothing is heard says since when. Nothing is said to be complete to a time that is not known.
function told(since) {
  const lost = document.querySelector("[data-lost]"), fresh = document.querySelector("[data-fresh]");
  if (!lost) return;
  if (since !== null) lost.querySelector("[data-since]").textContent = FORMS.instant(since);
  lost.hidden = since === null;
  if (fresh) fresh.hidden = since !== null || "unknown" in fresh.dataset;
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
function own() {
  const address = new URL(location.pathname, location.origin);
  const sort = new URL(location.href).searchParams.get("sort");
  address.searchParams.set("lang", lang);
  if (sort) address.searchParams.set("sort", sort);
  return address;
}

async function refresh(selector) {
  const before = page();
  const answer = await fetch(own(), { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page() !== before) return; // the reader has gone to another day meanwhile
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
    if (page() !== "public") return;
    const totals = JSON.parse(event.data);
    show(totals);
    told(null);
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
    if (document.hidden || page() === "past" || page() === "ops") return; // `ops.js` reads its own
    try {
      await refresh("[data-part]");
      last = Date.now();
      if (page() !== "public") told(null);
    } catch {
      if (page() !== "public") told(last);
    }
  }, REFRESH_MS);
}

// The other language, with whatever else the address says.
function switchLanguage() {
  for (const link of document.querySelectorAll("[data-switch]")) {
    const wanted = new URL(location.href);
    wanted.searchParams.set("lang", new URL(link.href).searchParams.get("lang"));
    link.href = wanted.href;
  }
}

// The slider's stops, a day each: `2019-02-01/2022-03-22,…`.
function daysOf(spans) {
  const days = [];
  for (const span of spans.split(",")) {
    const [first, last] = span.split("/").map((day) => Date.parse(`${day}T00:00:00Z`));
    for (let at = first; at <= last; at += 86400000) days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

function slide() {
  const box = document.querySelector("[data-slider]");
  if (!box) return;
  const slider = box.querySelector("input"), shown = box.querySelector("[data-slid]"), days = daysOf(box.dataset.spans);
  const last = days.length - 1;
  const name = () => {
    const place = Number(slider.value);
    shown.textContent = place === last ? shown.dataset.now : FORMS.day(days[place]);
    slider.setAttribute("aria-valuetext", shown.textContent);
  };
  let pause = 0;
  slider.addEventListener("input", name);
  slider.addEventListener("change", () => {
    clearTimeout(pause); // whoever holds an arrow key is taken to where it is let go
    pause = setTimeout(() => {
      const address = own(), place = Number(slider.value);
      if (place !== last) address.searchParams.set("as_of", days[place]);
      address.hash = "when";
      travel(address);
    }, SLIDE_PAUSE_MS);
  });
  name();
  box.hidden = false;
}

// Another day, or another order of a list, without a jump: what is on the page is replaced, and the address says so.
let travels = 0;
let here = location.search;

async function travel(address, isBack = false) {
  const mine = ++travels, focused = document.activeElement?.id;
  const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  if (mine !== travels) return;
  if (!answer?.ok) { location.href = address; return; }
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== travels) return;
  const heights = new Map([...document.querySelectorAll("figure.chart")].map((one) => [one.id, one.offsetHeight]));
  for (const part of ["content", "foot"]) {
    const now = document.getElementById(part);
    now.replaceChildren(...document.importNode(next.getElementById(part), true).childNodes);
  }
  // What is still being drawn has the room of what stood there: nothing jumps under the reader's hand.
  for (const figure of document.querySelectorAll("figure[data-soon]")) {
    figure.style.minHeight = `${heights.get(figure.id) ?? 0}px`;
  }
  document.body.dataset.page = next.body.dataset.page;
  document.title = next.title;
  if (!isBack) history.pushState(null, "", address);
  here = location.search;
  ready();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-travel]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  travel(link.href);
});
addEventListener("popstate", () => { if (location.search !== here) travel(location.href, true); });

// Charts of a day that nobody has looked at before are drawn while its page is read.
async function fetchCharts() {
  const asked = location.href;
  for (let tries = 0; tries < CHART_TRIES_MAX; tries += 1) {
    const missing = document.querySelectorAll("figure[data-soon]");
    if (!missing.length || page() !== "past") return;
    await new Promise((done) => { setTimeout(done, CHART_PAUSE_MS); });
    const answer = await fetch(asked, { headers: { Accept: "text/html" } }).catch(() => null);
    if (location.href !== asked || !answer?.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const figure of missing) {
      const drawn = next.getElementById(figure.id);
      if (drawn && !("soon" in drawn.dataset)) figure.replaceWith(document.importNode(drawn, true));
    }
  }
}

let isListening = false;

function ready() {
  switchLanguage();
  slide();
  fetchCharts();
  if (page() !== "public" || isListening) return;
  isListening = true;
  listen();
}

document.documentElement.classList.add("live");
ready();
reread(); // but for what was known once: that does not change
