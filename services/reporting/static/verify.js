// The page /verify: shows what receipt.js finds. It asks nobody: there is no request in this file.
"use strict";

const TEXTS = {
  en: {
    skip: "To the content", name: "Panda Pack", to_page: "Public page", motto: "Nothing that you enter here leaves this device.", title: "Check a receipt yourself",
    lead: "Your browser computes every hash and checks the signatures. No server is asked: once this page is open, it works without a network.",
    receipt: "The receipt: paste it, or drop its file here", file: "or choose the file",
    key: "The keys that you trust, a line each",
    key_why: "Take them from a place other than the receipt: a printed report, an auditor, or /log/key as you kept it from an earlier day. An old key of the log has “until” and the last size that it signed behind it.",
    witness: "Witnesses that you trust, a key a line (may stay empty)", quorum: "How many of them must have cosigned (empty: all)",
    go: "Check", tree: "Every hash on the way to the page's root", left: "left", right: "right", leaf: "leaf",
    ok: "Proven.", failed: "NOT proven: do not rely on this receipt.",
    unkeyed: "No key entered: what can be said is that nothing in this receipt contradicts itself. Whoever made it may have made all of it; only a key that you have from elsewhere shows who did.",
    unable: "The hashes are right, but this browser cannot check Ed25519 signatures: nothing is proven yet. Use a newer browser, or panda verify.",
    bad_keys: "Nothing was checked: a line among the keys is no key.",
    bad_witnesses: "Nothing was checked: a line among the witnesses is no witness's key, one is there twice, or more are needed than are there.",
    donation: "Donation", merchant: "Merchant", programme: "Programme", amount: "Amount (fen)", time: "Time (UTC)", position: "Shard, page, row", interval: "Fen line",
    entry: "Entry of the log", checkpoint: "Checkpoint",
  },
  zh: {
    skip: "跳到正文", name: "国际爱心包裹", to_page: "公开页面", motto: "您在此输入的内容不会离开本设备。", title: "亲自验证收据",
    lead: "您的浏览器自行计算每个哈希并核对签名，不询问任何服务器；页面打开后，断网也能使用。",
    receipt: "收据：粘贴内容，或将文件拖到此处", file: "或选择文件", key: "您信任的密钥，每行一个",
    key_why: "请从收据以外的来源取得：印刷的报告、审计方，或您早先保存的 /log/key。日志的旧密钥之后写有“until”和它最后签过的条目数。",
    witness: "您信任的见证人，每行一个密钥（可留空）", quorum: "其中须有几位共同签名（留空：全部）",
    go: "验证", tree: "通往账页根的每一个哈希", left: "左", right: "右", leaf: "叶",
    ok: "验证通过。", failed: "验证未通过：请勿采信此收据。",
    unkeyed: "未输入密钥：只能说此收据自身没有矛盾。它可能全部出自制作者之手；只有您从别处取得的密钥才能表明出自何人。",
    unable: "哈希均正确，但此浏览器不能核对 Ed25519 签名，尚不能证明。请换用较新的浏览器，或使用命令 panda verify。",
    bad_keys: "尚未验证：密钥中有一行不是密钥。",
    bad_witnesses: "尚未验证：见证人中有一行不是密钥、有重复，或所需数量多于所列数量。",
    donation: "捐赠", merchant: "商家", programme: "项目", amount: "金额（分）", time: "时间（世界协调时）", position: "分片、账页、行", interval: "分线",
    entry: "日志条目", checkpoint: "检查点",
  },
};
const STEPS = {
  format: ["The text is a receipt of a known form, and says each thing once", "文本是已知格式的收据，且每项只出现一次"],
  interval: ["The interval on the fen line is as long as the gift", "分线上的区间长度与捐赠金额相等"],
  page: ["The donation's hash leads to the root of its page", "捐赠的哈希可推出其账页的根"],
  seal: ["The page's root and the seal before give the page's seal", "账页的根与前一封印可推出本页封印"],
  root_seal: ["The seal is among those that the day's root covers", "该封印包含在当日总封印之内"],
  root_shard: ["The shard's state leads to the day's root", "该账本分片的状态可推出当日总封印的根"],
  root_hash: ["The day's root is bound to the root of the day before", "当日总封印与前一日总封印相连"],
  root_signature: ["The day's root is signed with the trusted key", "当日总封印由受信任的密钥签名"],
  root: ["The day's root does not cover this page yet", "当日总封印尚未覆盖此账页"],
  key: ["The receipt names the key that you trust", "收据所用密钥正是您信任的密钥"],
  signature: ["The whole receipt is signed with the trusted key", "整张收据由受信任的密钥签名"],
  entry: ["The log's entry tells of this page, with this root and as many rows", "公开日志的条目记有此账页，根与行数均相同"],
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

function show({ receipt, tree, steps, trouble }) {
  const texts = TEXTS[lang], outcomes = steps.map(([, outcome]) => outcome);
  const verdict = trouble ?? CONCLUSIONS.find((one) => outcomes.includes(one)) ?? "ok";
  at("result").hidden = false;
  at("verdict").textContent = texts[verdict];
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

async function checkFile(file) {
  if (!file) return;
  at("receipt").value = file.size <= BYTES_MAX ? await file.text() : "";
  await check();
}

at("form").addEventListener("submit", (event) => { event.preventDefault(); check(); });
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
