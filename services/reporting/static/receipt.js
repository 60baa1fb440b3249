// Checks receipts of both forms as pandapack/contracts/receipts.py and proof.py do, with what the browser itself can
// compute. It asks nobody: there is no request in this file. `verifyReceipt` answers each step's outcome:
// ok, failed, absent (nothing there, or not asked for), unkeyed (no key entered), unable (no Ed25519 in this browser).
"use strict";

const BYTES_MAX = 256 * 1024;
const KEYS_BYTES_MAX = 64 * 1024;
const ENTRY_BYTES_MAX = 65535;
const PROOF_HASHES_MAX = 64;
const LOG_PROOF_HASHES_MAX = 63;
const NESTING_MAX = 64;
const SIGNATURES_MAX = 100;
const EXTENSIONS_MAX = 16;
const NAME_BYTES_MAX = 255;
const KEY_CHARACTERS_MAX = 1024;
const KEY_BYTES = 32, ID_BYTES = 4, TIME_BYTES = 8, SIGNATURE_BYTES = 64;
const ED25519 = 1, COSIGNATURE = 4;
const FIRST_SCHEME = "panda-receipt/1", SCHEME = "panda-receipt/2";
const FIELD = 2n ** 255n - 19n;
// The y of the curve's points of small order: under such a key anybody's signature holds.
const SMALL_ORDER = [
  0n, 1n, FIELD - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
];

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const numberOf = (bytes) => BigInt(`0x${hex(bytes)}`);
function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
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
const entryText = (value) => typeof value === "string" && value !== "" && Array.from(value).length <= ENTRY_BYTES_MAX;
const donationForm = fields({ id: name, merchant: name, programme: name, amount_fen: number, at_us: signed });
const shardForm = fields({ shard: number, first: number, page: pageNumber, chained: hash, seals_root: hash, counts: sums, fen: sums });
const rootForm = fields({
  day: text(/^\d{4}-\d{2}-\d{2}$/), shards: number, shard: shardForm, seal_proof: proof, shard_proof: proof, root: hash,
  previous: hash, hash, signature,
});
const FORMS = {
  [FIRST_SCHEME]: fields({
    scheme: (value) => value === FIRST_SCHEME, donation: donationForm,
    position: fields({ shard: number, page: number, row: number, fen_from: number, fen_to: number }),
    seal: fields({ rows: number, proof, root: hash, previous: hash, chained: hash }),
    daily_root: (value) => value === null || rootForm(value), key: hash, signature,
  }),
  [SCHEME]: fields({
    scheme: (value) => value === SCHEME, donation: donationForm,
    page: fields({ shard: number, page: number, row: number, rows: number, proof, root: hash }),
    entry: fields({ index: number, text: entryText, proof }),
    checkpoint: (value) => typeof value === "string",
  }),
};

// JSON that all readers read alike, or undefined: each name once in its object, whole numbers below 2^53, no halves of
// characters, not nested too deeply.
function exactly(raw) {
  let value;
  try { value = JSON.parse(raw); } catch { return undefined; }
  const open = [], string = String.raw`"[^"\\]*(?:\\.[^"\\]*)*"`;
  for (const [token, named] of raw.matchAll(new RegExp(String.raw`(${string})\s*:|${string}|[{}[\]]|-?\d[\d.eE+-]*`, "g"))) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token[0] === '"') {
      const read = JSON.parse(named ?? token);
      if (/\p{Surrogate}/u.test(read) || (named && open.at(-1).has(read))) return undefined;
      if (named) open.at(-1).add(read);
    } else if (!/^-?\d{1,16}$/.test(token) || !Number.isSafeInteger(Number(token))) return undefined;
    if (open.length > NESTING_MAX) return undefined;
  }
  return value;
}

function readReceipt(raw) {
  const value = utf8(raw).length <= BYTES_MAX ? exactly(raw) : undefined;
  const fits = isObject(value) && typeof value.scheme === "string" && Object.hasOwn(FORMS, value.scheme);
  return fits && FORMS[value.scheme](value) ? value : null;
}

// The bytes of standard base64 in its one spelling, or null.
function base64(written) {
  try {
    const read = atob(written);
    return btoa(read) === written ? Uint8Array.from(read, (character) => character.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}

// A key's name has no space, as Python tells spaces, and no plus.
const isKeyName = (value) => value !== "" && utf8(value).length <= NAME_BYTES_MAX
  && !/[+\u0000-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/.test(value);
const decimal = (value) => /^(0|[1-9]\d{0,15})$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : null;

// A public key, `name+id+base64`, or null. Raises nothing.
async function keyOf(written, algorithm) {
  const first = written.indexOf("+"), second = written.indexOf("+", first + 1);
  if (first < 0 || second < 0 || written.length > KEY_CHARACTERS_MAX) return null;
  const owner = written.slice(0, first), id = written.slice(first + 1, second), value = base64(written.slice(second + 1));
  if (value === null || value.length !== 1 + KEY_BYTES || value[0] !== algorithm || !isKeyName(owner)) return null;
  const key = value.slice(1), y = numberOf(Uint8Array.from(key).reverse()) & (2n ** 255n - 1n);
  if (y >= FIELD || SMALL_ORDER.includes(y)) return null;
  const found = hex((await sha256(utf8(`${owner}\n`), value)).slice(0, ID_BYTES));
  return found === id ? { owner, id, key } : null;
}

const linesOf = (written) => written.split("\n").map((line) => line.replace(/^[ \t\r]+|[ \t\r]+$/g, ""))
  .filter((line) => line && !line.startsWith("#"));

// The keys that a reader trusts: of the log, and for receipts of the first form. null where a line is no key.
async function trustedKeys(written) {
  const keys = { log: [], signing: [] };
  if (utf8(written).length > KEYS_BYTES_MAX) return null;
  for (const line of linesOf(written)) {
    if (hash(line)) { keys.signing.push(line); continue; }
    const parts = /^([!-~]+)(?: until ([!-~]+))?$/.exec(line);
    const key = parts && await keyOf(parts[1], ED25519), until = parts?.[2] === undefined ? Infinity : decimal(parts[2]);
    if (!key || until === null || keys.log.some((one) => one.owner === key.owner && one.id === key.id)) return null;
    keys.log.push({ ...key, until });
  }
  return keys;
}

// Witnesses and how many of them are needed (all, where nothing is said). null where that is no policy.
async function witnessPolicy(written, quorum) {
  const keys = await Promise.all(linesOf(written).map((line) => keyOf(line, COSIGNATURE)));
  const needed = quorum.trim() === "" ? keys.length : decimal(quorum.trim());
  if (keys.includes(null) || needed === null || needed > keys.length) return null;
  return new Set(keys.map((one) => hex(one.key))).size === keys.length ? { keys, needed } : null;
}

// The text of a note, its lines, and the checkpoint that it is; null where it is none.
function checkpointOf(raw) {
  const end = raw.lastIndexOf("\n\n");
  if (utf8(raw).length > BYTES_MAX || end < 0 || /[\u0000-\u0009\u000b-\u001f]/.test(raw) || !raw.endsWith("\n")) return null;
  const noted = raw.slice(0, end + 1), lines = raw.slice(end + 2, -1).split("\n").map((line) => line.split(" "));
  const signatures = lines.map(([dash, owner, value, ...more]) => {
    const read = dash === "\u2014" && value !== undefined && more.length === 0 && isKeyName(owner) ? base64(value) : null;
    return read && read.length > ID_BYTES ? { owner, id: hex(read.slice(0, ID_BYTES)), value: read.slice(ID_BYTES) } : null;
  });
  const [origin, size, root, ...extensions] = noted.slice(0, -1).split("\n");
  const rootBytes = root === undefined ? null : base64(root);
  const fits = origin !== "" && utf8(origin).length <= NAME_BYTES_MAX && extensions.length <= EXTENSIONS_MAX
    && extensions.every((line) => line !== "") && rootBytes?.length === KEY_BYTES && decimal(size) !== null;
  if (end + 2 >= raw.length || signatures.length > SIGNATURES_MAX || signatures.includes(null) || !fits) return null;
  return { noted, signatures, origin, size: Number(size), root: hex(rootBytes), extensions };
}

// true, false, or null where this browser has no Ed25519.
async function isSigned(message, mark, key) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    return error.name === "NotSupportedError" ? null : false;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, mark, message);
}

// Those of the keys that signed a note; false where one that is named did not, or signs twice; null: cannot be checked.
async function signersOf(note, keys, isSignedBy) {
  const signers = [];
  for (const key of keys) {
    const lines = note.signatures.filter((line) => line.owner === key.owner && line.id === key.id);
    const holds = lines.length === 1 ? await isSignedBy(note, lines[0].value, key) : lines.length === 0;
    if (!holds) return holds;
    if (lines.length) signers.push(key);
  }
  return signers;
}

const byLog = (note, value, key) => isSigned(utf8(note.noted), value, key.key);
function byWitness(note, value, key) {
  const at = value.length === TIME_BYTES + SIGNATURE_BYTES ? numberOf(value.slice(0, TIME_BYTES)) : 0n;
  if (at === 0n || at >= 2n ** 63n) return false;
  return isSigned(utf8(`cosignature/v1\ntime ${at}\n${note.noted}`), value.slice(TIME_BYTES), key.key);
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

const donationLeaf = (given) => leafHash(
  utf8([given.id, given.merchant, given.programme, given.amount_fen, given.at_us].join("\n")));

function tellsOfPage(entry, page) {
  const told = utf8(entry).length <= ENTRY_BYTES_MAX ? exactly(entry) : undefined;
  return isObject(told) && told.v === 1 && told.type === "donations.PageSealed"
    && told.source === `/donations/seals/${page.shard}` && told.sequence === page.page + 1
    && ["shard", "page", "rows", "root"].every((part) => told[part] === page[part]);
}

async function signedByLog(note, keys) {
  if (!keys.log.length) return "unkeyed";
  const own = note ? keys.log.filter((key) => key.owner === note.origin) : [];
  const signers = note && await signersOf(note, own, byLog);
  return Array.isArray(signers) ? signers.some((key) => note.size <= key.until) : note ? signers : false;
}

async function witnessed(note, policy) {
  if (policy.needed === 0) return "absent";
  const signers = note && await signersOf(note, policy.keys, byWitness);
  return Array.isArray(signers) ? signers.length >= policy.needed : note ? signers : false;
}

async function logSteps({ donation, page, entry, checkpoint }, keys, policy, tree) {
  const leaf = await donationLeaf(donation), note = checkpointOf(checkpoint);
  tree.push({ leaf: hex(leaf) });
  const root = await provenRoot(leaf, page.row, page.rows, page.proof, tree);
  const logged = note && entry.proof.length <= LOG_PROOF_HASHES_MAX
    && await provenRoot(await leafHash(utf8(entry.text)), entry.index, note.size, entry.proof);
  return [
    ["page", root === page.root],
    ["entry", tellsOfPage(entry.text, page)],
    ["inclusion", note !== null && logged === note.root],
    ["checkpoint", await signedByLog(note, keys)],
    ["witnesses", await witnessed(note, policy)],
  ];
}

// JSON with sorted names and without spaces: what the first form hashes and signs. All texts are ASCII, all numbers whole.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

async function pageSteps({ donation, position, seal }, tree) {
  const leaf = await donationLeaf(donation);
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

const byKey = (message, mark, key) => key === undefined ? "unkeyed" : isSigned(message, bytesOf(mark), bytesOf(key));

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
    ["root_signature", await byKey(rootText, root.signature, key)],
  ];
}

async function firstSteps(receipt, keys, tree) {
  const { signature: mark, ...unsigned } = receipt;
  const key = keys.signing.includes(receipt.key) ? receipt.key : keys.signing[0];
  return [
    ...await pageSteps(receipt, tree),
    ...await rootSteps(receipt, key),
    ["key", key === undefined ? "unkeyed" : receipt.key === key],
    ["signature", await byKey(utf8(`${FIRST_SCHEME}\n${canonical(unsigned)}`), mark, key)],
  ];
}

// Each step with its outcome, the receipt (null: the text is none), and the hashes on the way to the page's root.
async function verifyReceipt(raw, keys, policy) {
  const receipt = readReceipt(raw), tree = [];
  if (receipt === null) return { receipt, tree, steps: [["format", "failed"]] };
  const rest = receipt.scheme === SCHEME ? logSteps(receipt, keys, policy, tree) : firstSteps(receipt, keys, tree);
  const steps = [["format", true], ...await rest];
  const outcome = (value) => typeof value === "string" ? value : value === null ? "unable" : value ? "ok" : "failed";
  return { receipt, tree, steps: steps.map(([step, value]) => [step, outcome(value)]) };
}
