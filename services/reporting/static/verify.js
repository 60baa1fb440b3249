// The page /verify: shows what receipt.js finds. What is entered here goes nowhere. Only where the page was opened for
// one receipt (`?receipt=/v1/receipts/…`) it asks this site, and no other, for that receipt and for the log's key.
"use strict";

const TEXTS = {
  en: {
    demonstration: "Demonstration: all names and gifts are synthetic",
    skip: "To the content", name: "Panda Pack", to_page: "Public page", motto: "Nothing that you enter here leaves this device.", title: "Check a receipt yourself",
    lead: "Your browser computes every hash and checks the signatures. No server is asked: once this page is open, it works without a network.",
    lead_tap: "Your browser computes every hash and checks the signatures itself. For this it asked this site for two things: the receipt, and the key that the log names today.",
    receipt: "The receipt: paste it, or drop its file here", file: "or choose the file",
    key: "The keys that you trust, a line each",
    key_why: "Take them from a place other than the receipt: a printed report, an auditor, or /log/key as you kept it from an earlier day. An old key of the log has “until” and the last size that it signed behind it.",
    witness: "Witnesses that you trust, a key a line (may stay empty)", quorum: "How many of them must have cosigned (empty: all)",
    go: "Check", tree: "Every hash on the way to the page's root", left: "left", right: "right", leaf: "leaf",
    ok: "Proven.", ok_own: "Proven, with the key that this site itself names. Compare it with one that you have from elsewhere: a site that lies can name any key.", failed: "NOT proven: do not rely on this receipt.",
    unkeyed: "No key entered: what can be said is that nothing in this receipt contradicts itself. Whoever made it may have made all of it; only a key that you have from elsewhere shows who did.",
    unable: "The hashes are right, but this browser cannot check Ed25519 signatures: nothing is proven yet. Use a newer browser, or panda verify.",
    bad_keys: "Nothing was checked: a line among the keys is no key.",
    bad_witnesses: "Nothing was checked: a line among the witnesses is no witness's key, one is there twice, or more are needed than are there.",
    tap_refused: "Nothing was checked: the address of the receipt is not one of this site's. Paste the receipt instead.",
    tap_unknown: "Nothing was checked: the ledger has no such gift.",
    tap_other: "NOT proven: this site answered with the receipt of another gift.",
    tap_silent: "Nothing was checked: this site does not answer. Try again in a moment, or paste the receipt.",
    donation: "Donation", merchant: "Merchant", programme: "Programme", amount: "Amount (fen)", time: "Time (UTC)", position: "Shard, page, row", interval: "Fen line",
    entry: "Entry of the log", checkpoint: "Checkpoint",
  },
  zh: {
    demonstration: "演示：所有姓名与捐赠都是虚构的",
    skip: "跳到正文", name: "国际爱心包裹", to_page: "公开页面", motto: "您在此输入的内容不会离开本设备。", title: "亲自验证收据",
    lead: "您的浏览器自行计算每个哈希并核对签名，不询问任何服务器；页面打开后，断网也能使用。",
    lead_tap: "您的浏览器自行计算每个哈希并核对签名。为此只向本站取了两样东西：这张收据，和公开日志目前所用的密钥。",
    receipt: "收据：粘贴内容，或将文件拖到此处", file: "或选择文件", key: "您信任的密钥，每行一个",
    key_why: "请从收据以外的来源取得：印刷的报告、审计方，或您早先保存的 /log/key。日志的旧密钥之后写有“until”和它最后签过的条目数。",
    witness: "您信任的见证人，每行一个密钥（可留空）", quorum: "其中须有几位共同签名（留空：全部）",
    go: "验证", tree: "通往这一页账本之根的每一个哈希", left: "左", right: "右", leaf: "叶",
    ok: "验证通过。", ok_own: "验证通过，所用的是本站自己给出的密钥。请与您从别处取得的密钥对照：不诚实的网站可以给出任何密钥。", failed: "验证未通过：请勿采信此收据。",
    unkeyed: "未输入密钥：只能说此收据自身没有矛盾。它可能全部出自制作者之手；只有您从别处取得的密钥才能表明出自何人。",
    unable: "哈希均正确，但此浏览器不能核对 Ed25519 签名，尚不能证明。请换用较新的浏览器，或使用命令 panda verify。",
    bad_keys: "尚未验证：密钥中有一行不是密钥。",
    bad_witnesses: "尚未验证：见证人中有一行不是密钥、有重复，或所需数量多于所列数量。",
    tap_refused: "尚未验证：收据的地址不在本站。请改为粘贴收据。",
    tap_unknown: "尚未验证：账本里没有这笔捐赠。",
    tap_other: "验证未通过：本站给出的是另一笔捐赠的收据。",
    tap_silent: "尚未验证：本站没有回应。请稍后再试，或粘贴收据。",
    donation: "捐赠", merchant: "商家", programme: "项目", amount: "金额（分）", time: "时间（世界协调时）", position: "账本分片、页、行", interval: "分线",
    entry: "日志条目", checkpoint: "检查点",
  },
};
const STEPS = {
  format: ["The text is a receipt of a known form, and says each thing once", "文本是已知格式的收据，且每项只出现一次"],
  interval: ["The interval on the fen line is as long as the gift", "分线上的区间长度与捐赠金额相等"],
  page: ["The donation's hash leads to the root of its page", "捐赠的哈希可推出它所在那一页账本的根"],
  seal: ["The page's root and the seal before give the page's seal", "这一页的根与前一封存码可推出其封存码"],
  root_seal: ["The seal is among those that the day's root covers", "该封存码包含在当日总封存码之内"],
  root_shard: ["The shard's state leads to the day's root", "该账本分片的状态可推出当日总封存码的根"],
  root_hash: ["The day's root is bound to the root of the day before", "当日总封存码与前一日总封存码相连"],
  root_signature: ["The day's root is signed with the trusted key", "当日总封存码由受信任的密钥签名"],
  root: ["The day's root does not cover this page yet", "当日总封存码尚未覆盖账本的这一页"],
  key: ["The receipt names the key that you trust", "收据所用密钥正是您信任的密钥"],
  signature: ["The whole receipt is signed with the trusted key", "整张收据由受信任的密钥签名"],
  entry: ["The log's entry tells of this page, with this root and as many rows", "公开日志的条目记有账本的这一页，根与行数均相同"],
  inclusion: ["The entry stands in the log at its place, under the checkpoint's root", "该条目位于日志的相应位置，可推出检查点的根"],
  checkpoint: [
    "The checkpoint is signed by a key of the log that you trust, for a size that the key may sign",
    "检查点由您信任的日志密钥签名，且其大小在该密钥可签范围之内",
  ],
  witnesses: [
    "As many of the witnesses that you trust as you ask for have cosigned the checkpoint",
    "您信任的见证人中，已有足够多的人为此检查点共同签名",
  ],
  unwitnessed: [
    "No witness was asked for: whether everybody is shown the same log was not checked",
    "未要求见证人：所有人看到的是否为同一日志，未予核对",
  ],
};

const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("lang");
let lang = (asked ?? navigator.language).startsWith("zh") ? "zh" : "en";
let shown = null;
let isOwnKey = false;

function element(tag, content, className = "") {
  const node = document.createElement(tag);
  node.textContent = content;
  node.className = className;
  return node;
}

function translate() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = TEXTS[lang][node.dataset.text];
  at("switch").textContent = lang === "zh" ? "English" : "中文";
  at("switch").lang = lang === "zh" ? "en" : "zh-CN";
  document.title = TEXTS[lang].title;
  for (const link of document.querySelectorAll("[data-home]")) link.href = `/?lang=${lang}`;
  if (shown) show(shown);
}

// A failed step decides; then what this browser cannot check, and what lacks a key.
const CONCLUSIONS = ["failed", "unable", "unkeyed"];

// `told`: what the site says in a receipt's stead, by language.
function show({ receipt, tree, steps, trouble, told }) {
  const texts = TEXTS[lang], outcomes = steps.map(([, outcome]) => outcome);
  const verdict = trouble ?? CONCLUSIONS.find((one) => outcomes.includes(one)) ?? "ok";
  at("result").hidden = false;
  at("verdict").textContent = told?.[lang] ?? texts[verdict === "ok" && isOwnKey ? "ok_own" : verdict];
  at("verdict").className = verdict;
  at("steps").replaceChildren(
    ...steps.map(([step, outcome]) => {
      const words = step === "witnesses" && outcome === "absent" ? "unwitnessed" : step;
      const node = element("li", STEPS[words][lang === "zh" ? 1 : 0], outcome);
      node.dataset.step = step;
      return node;
    }));
  at("tree").replaceChildren(...tree.map((one) =>
    element("li", one.leaf ? `${texts.leaf} ${one.leaf}` : `${one.onLeft ? texts.left : texts.right} ${one.sibling} → ${one.node}`)));
  at("facts").replaceChildren(...(receipt ? facts(receipt, texts) : []).flatMap(
    ([term, value]) => [element("dt", term), element("dd", value)]));
}

function facts({ donation, position, page, entry, checkpoint }, texts) {
  const place = position ?? page;
  return [
    [texts.donation, donation.id], [texts.merchant, donation.merchant], [texts.programme, donation.programme],
    [texts.amount, donation.amount_fen], [texts.time, moment(donation.at_us)],
    [texts.position, `${place.shard}, ${place.page}, ${place.row}`],
    ...(position ? [[texts.interval, `[${position.fen_from}, ${position.fen_to})`]] : []),
    ...(entry ? [[texts.entry, entry.index], [texts.checkpoint, checkpoint.split("\n\n")[0]]] : []),
  ];
}

function moment(at_us) {
  const time = new Date(Math.floor(at_us / 1000));
  return Number.isNaN(time.getTime()) ? `${at_us} µs` : time.toISOString();
}

async function check() {
  const keys = await trustedKeys(at("key").value), policy = await witnessPolicy(at("witness").value, at("quorum").value);
  const trouble = keys === null ? "bad_keys" : policy === null ? "bad_witnesses" : null;
  shown = trouble ? { receipt: null, tree: [], steps: [], trouble } : await verifyReceipt(at("receipt").value, keys, policy);
  show(shown);
  at("verdict").focus();
}

function told(trouble, words) {
  shown = { receipt: null, tree: [], steps: [], trouble, told: words };
  show(shown);
  at("verdict").focus();
}

// The address of the receipt for which the page was opened; null where it is none of this site's receipts.
function receiptAddress(wanted) {
  const address = URL.canParse(wanted, location.origin) ? new URL(wanted, location.origin) : null;
  return address?.origin === location.origin && address.pathname.startsWith("/v1/receipts/") ? address : null;
}

const ask = (address) => fetch(address, { redirect: "error", credentials: "omit", cache: "no-store" });

// A site says in words what a gift still lacks: an object without a scheme. All else is checked as what it is.
function wordsOf(raw) {
  try {
    const { scheme, state, en, zh } = JSON.parse(raw);
    const isPending = scheme === undefined && [state, en, zh].every((one) => typeof one === "string");
    return isPending ? { en, zh } : null;
  } catch {
    return null;
  }
}

async function checkTapped(wanted) {
  at("lead").dataset.text = "lead_tap";
  translate();
  const address = receiptAddress(wanted);
  if (!address) return told("tap_refused");
  let raw, keys;
  try {
    const answers = await Promise.all([ask(address), ask("/log/key")]);
    if (answers[0].status === 404) return told("tap_unknown");
    if (!answers.every((answer) => answer.ok)) return told("tap_silent");
    [raw, keys] = await Promise.all(answers.map((answer) => answer.text()));
  } catch {
    return told("tap_silent");
  }
  const words = wordsOf(raw);
  if (words) return told("unkeyed", words);
  at("receipt").value = raw;
  at("key").value = keys.trim();
  isOwnKey = true;
  await check();
  const [platform, merchant, id] = address.pathname.split("/").slice(3).map(decodeURIComponent);
  const given = shown.receipt?.donation;
  if (given && (given.id !== id || given.merchant !== `${platform}:${merchant}`)) told("tap_other");
}

async function checkFile(file) {
  if (!file) return;
  at("receipt").value = file.size <= BYTES_MAX ? await file.text() : "";
  await check();
}

at("form").addEventListener("submit", (event) => { event.preventDefault(); check(); });
at("key").addEventListener("input", () => { isOwnKey = false; });
at("file").addEventListener("change", (event) => checkFile(event.target.files[0]));
at("switch").addEventListener("click", () => { lang = lang === "zh" ? "en" : "zh"; translate(); });
at("form").addEventListener("dragover", (event) => { event.preventDefault(); at("form").classList.add("over"); });
at("form").addEventListener("dragleave", () => at("form").classList.remove("over"));
at("form").addEventListener("drop", (event) => {
  event.preventDefault();
  at("form").classList.remove("over");
  checkFile(event.dataTransfer.files[0]);
});
// Nothing of these works without this script, so they are not shown before.
at("form").hidden = at("switch").hidden = false;
translate();
const tapped = new URLSearchParams(location.search).get("receipt");
if (tapped !== null) checkTapped(tapped);
