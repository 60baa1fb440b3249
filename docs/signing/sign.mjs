// The headers that sign a push: PANDA_SIGNING_SECRET=whsec_… node sign.mjs BODY-FILE ID [SECONDS] > headers.txt

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const [file, id, timestamp = String(Math.floor(Date.now() / 1000))] = process.argv.slice(2);
const key = Buffer.from(process.env.PANDA_SIGNING_SECRET.replace(/^whsec_/, ""), "base64");
const mac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(readFileSync(file));
process.stdout.write(
  `webhook-id: ${id}\nwebhook-timestamp: ${timestamp}\nwebhook-signature: v1,${mac.digest("base64")}\n`,
);
