// Checks a receipt (panda-receipt/1) as pandapack/contracts/proof.py does, with what the browser itself can compute.
// It asks nobody: there is no request in this file.
"use strict";

const TEXTS = {
  en: {
    skip: "To the content", motto: "Nothing that you enter here leaves this device.", title: "Check a receipt yourself",
    lead: "Your browser computes every hash and checks the signatures. No server is asked: once this page is open, it works without a network.",
    receipt: "The receipt: paste it, or drop its file here", file: "or choose the file",
    key: "The public key that you trust (64 hex digits)",
    key_why: "Take it from a place other than the receipt: a printed report, an auditor, or /v1/roots/key as you kept it from an earlier day.",
    go: "Check", tree: "Every hash on the way to the page's root", left: "left", right: "right", leaf: "leaf",
    ok: "Proven.", failed: "NOT proven: do not rely on this receipt.",
    unable: "The hashes are right, but this browser cannot check Ed25519 signatures: nothing is proven yet. Use a newer browser, or panda verify.",
    donation: "Donation", merchant: "Merchant", programme: "Programme", amount: "Amount (fen)", time: "Time (UTC)", position: "Shard / page / row", interval: "Fen line",
  },
  zh: {
    skip: "跳到正文", motto: "您在此输入的内容不会离开本设备。", title: "亲自验证收据",
    lead: "您的浏览器自行计算每个哈希并核对签名,不询问任何服务器;页面打开后,断网也能使用。",
    receipt: "收据:粘贴内容,或将文件拖到此处", file: "或选择文件", key: "您信任的公钥(64 位十六进制)",
    key_why: "请从收据以外的来源取得:印刷的报告、审计方,或您早先保存的 /v1/roots/key。",
    go: "验证", tree: "通往账页根的每一个哈希", left: "左", right: "右", leaf: "叶",
    ok: "验证通过。", failed: "验证未通过:请勿采信此收据。",
    unable: "哈希均正确,但此浏览器不能核对 Ed25519 签名,尚不能证明。请换用较新的浏览器或 panda verify。",
    donation: "捐款", merchant: "商家", programme: "项目", amount: "金额(分)", time: "时间(UTC)", position: "分片 / 账页 / 行", interval: "分线",
  },
};
const STEPS = {
  format: ["The text is a receipt of the form panda-receipt/1", "文本是 panda-receipt/1 格式的收据"],
  interval: ["The interval on the fen line is as long as the gift", "分线上的区间长度与捐款金额相等"],
  page: ["The donation's hash leads to the root of its page", "捐款的哈希可推出其账页的根"],
  seal: ["The page's root and the seal before give the page's seal", "账页的根与前一封印可推出本页封印"],
  root_seal: ["The seal is among those that the day's root covers", "该封印包含在当日总封印之内"],
  root_shard: ["The shard's state leads to the day's root", "该账本分片的状态可推出当日总封印的根"],
  root_hash: ["The day's root is bound to the root of the day before", "当日总封印与前一日总封印相连"],
  root_signature: ["The day's root is signed with the trusted key", "当日总封印由受信任的密钥签名"],
  root: ["The day's root does not cover this page yet", "当日总封印尚未覆盖此账页"],
  key: ["The receipt names the key that you trust", "收据所用密钥正是您信任的密钥"],
  signature: ["The whole receipt is signed with the trusted key", "整张收据由受信任的密钥签名"],
};
const BYTES_MAX = 256 * 1024;
const PROOF_HASHES_MAX = 64;

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const sha256 = async (...parts) => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
};
const leafHash = (entry) => sha256(Uint8Array.of(0), entry);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

// Forms: what each value must be. Anything missing, unknown or of another form makes the text no receipt.
const number = (value) => Number.isSafeInteger(value) && value >= 0;
const signed = (value) => Number.isSafeInteger(value);
const pageNumber = (value) => Number.isSafeInteger(value) && value >= -1;
const text = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const hash = text(/^[0-9a-f]{64}$/);
const signature = text(/^[0-9a-f]{128}$/);
const name = text(/^[A-Za-z0-9._:-]{1,64}$/);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const proof = (value) => Array.isArray(value) && value.length <= PROOF_HASHES_MAX && value.every(hash);
const sums = (value) => isObject(value) && Object.entries(value).every(([key, sum]) => name(key) && number(sum));
const fields = (form) => (value) => isObject(value) && Object.keys(value).length === Object.keys(form).length
  && Object.entries(form).every(([key, fits]) => Object.hasOwn(value, key) && fits(value[key]));
const shardForm = fields({ shard: number, first: number, page: pageNumber, chained: hash, seals_root: hash, counts: sums, fen: sums });
const rootForm = fields({
  day: text(/^\d{4}-\d{2}-\d{2}$/), shards: number, shard: shardForm, seal_proof: proof, shard_proof: proof, root: hash,
  previous: hash, hash, signature,
});
const receiptForm = fields({
  scheme: (value) => value === "panda-receipt/1",
  donation: fields({ id: name, merchant: name, programme: name, amount_fen: number, at_us: signed }),
  position: fields({ shard: number, page: number, row: number, fen_from: number, fen_to: number }),
  seal: fields({ rows: number, proof, root: hash, previous: hash, chained: hash }),
  daily_root: (value) => value === null || rootForm(value),
  key: hash, signature,
});

// JSON with sorted names and without spaces: what is hashed and signed. All texts are ASCII, all numbers whole.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

// The root that an inclusion proof (RFC 9162, 2.1.3.2) leads to, or null; `seen` gets each node on the way.
async function provenRoot(leaf, index, size, siblings, seen = []) {
  if (index < 0 || index >= size) return null;
  let node = leaf, at = index, last = size - 1;
  const rest = [...siblings];
  while (last > 0) {
    if (at % 2 === 1 || at < last) {
      if (!rest.length) return null;
      const sibling = bytesOf(rest.shift()), onLeft = at % 2 === 1;
      node = onLeft ? await nodeHash(sibling, node) : await nodeHash(node, sibling);
      seen.push({ onLeft, sibling: hex(sibling), node: hex(node) });
    }
    at = Math.floor(at / 2); last = Math.floor(last / 2);
  }
  return rest.length ? null : hex(node);
}

// true, false, or null where this browser has no Ed25519.
async function isSigned(message, mark, key) {
  if (!hash(key)) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", bytesOf(key), { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    return error.name === "NotSupportedError" ? null : false;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, bytesOf(mark), message);
}

function parsed(raw) {
  try {
    const receipt = utf8(raw).length <= BYTES_MAX ? JSON.parse(raw) : null;
    return receiptForm(receipt) ? receipt : null;
  } catch {
    return null;
  }
}

async function pageSteps({ donation, position, seal }, tree) {
  const leaf = await leafHash(
    utf8([donation.id, donation.merchant, donation.programme, donation.amount_fen, donation.at_us].join("\n")));
  tree.push({ leaf: hex(leaf) });
  const root = await provenRoot(leaf, position.row, seal.rows, seal.proof, tree);
  const named = `${String(position.shard).padStart(4, "0")}/${String(position.page).padStart(10, "0")}`;
  const chained = await leafHash(utf8(["panda-seal/1", seal.previous, named, seal.rows, seal.root].join("\n")));
  const isFirst = seal.previous === "0".repeat(64);
  return [
    ["interval", position.fen_to - position.fen_from === donation.amount_fen],
    ["page", root === seal.root],
    ["seal", hex(chained) === seal.chained && isFirst === (position.page === 0)],
  ];
}

async function rootSteps({ daily_root: root, position, seal }, key) {
  if (root === null) return [["root", "absent"]];
  const own = root.shard;
  const sealLeaf = await leafHash(bytesOf(seal.chained));
  const seals = await provenRoot(sealLeaf, position.page - own.first, own.page - own.first + 1, root.seal_proof);
  const shardLeaf = await leafHash(utf8(`panda-shard-root/1\n${canonical(own)}`));
  const shards = await provenRoot(shardLeaf, position.shard, root.shards, root.shard_proof);
  const rootText = utf8(["panda-daily-root/1", root.day, root.previous, root.shards, root.root].join("\n"));
  return [
    ["root_seal", seals === own.seals_root && (own.page !== position.page || own.chained === seal.chained)],
    ["root_shard", shards === root.root && own.shard === position.shard],
    ["root_hash", hex(await leafHash(rootText)) === root.hash],
    ["root_signature", await isSigned(rootText, root.signature, key)],
  ];
}

async function verify(raw, key) {
  const receipt = parsed(raw), tree = [];
  if (receipt === null) return { receipt, tree, steps: [["format", "failed"]] };
  const { signature: mark, ...unsigned } = receipt;
  const steps = [
    ["format", true],
    ...await pageSteps(receipt, tree),
    ...await rootSteps(receipt, key),
    ["key", receipt.key === key],
    ["signature", await isSigned(utf8(`panda-receipt/1\n${canonical(unsigned)}`), mark, key)],
  ];
  const outcome = (value) => typeof value === "string" ? value : value === null ? "unable" : value ? "ok" : "failed";
  return { receipt, tree, steps: steps.map(([step, value]) => [step, outcome(value)]) };
}

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
  if (shown) show(shown);
}

function show({ receipt, tree, steps }) {
  const texts = TEXTS[lang], outcomes = steps.map(([, outcome]) => outcome);
  const verdict = outcomes.includes("failed") ? "failed" : outcomes.includes("unable") ? "unable" : "ok";
  at("result").hidden = false;
  at("verdict").textContent = texts[verdict];
  at("verdict").className = verdict;
  at("steps").replaceChildren(
    ...steps.map(([step, outcome]) => {
      const node = element("li", STEPS[step][lang === "zh" ? 1 : 0], outcome);
      node.dataset.step = step;
      return node;
    }));
  at("tree").replaceChildren(...tree.map((one) =>
    element("li", one.leaf ? `${texts.leaf} ${one.leaf}` : `${one.onLeft ? texts.left : texts.right} ${one.sibling} → ${one.node}`)));
  at("facts").replaceChildren(...(receipt ? facts(receipt, texts) : []).flatMap(
    ([term, value]) => [element("dt", term), element("dd", value)]));
}

function facts({ donation, position }, texts) {
  return [
    [texts.donation, donation.id], [texts.merchant, donation.merchant], [texts.programme, donation.programme],
    [texts.amount, donation.amount_fen], [texts.time, moment(donation.at_us)],
    [texts.position, `${position.shard} / ${position.page} / ${position.row}`],
    [texts.interval, `[${position.fen_from}, ${position.fen_to})`],
  ];
}

function moment(at_us) {
  const time = new Date(Math.floor(at_us / 1000));
  return Number.isNaN(time.getTime()) ? `${at_us} µs` : time.toISOString();
}

async function check() {
  shown = await verify(at("receipt").value, at("key").value.trim());
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
translate();
