// Node's mailauth as a peer: see peers/messages.py for what it takes and prints.
"use strict";

const { readFileSync } = require("node:fs");
const { authenticate } = require("mailauth");

const TURNS_TO_WARM = 300; // the code of a running service has long been compiled

function readZone(path) {
  const zone = new Map();
  for (const line of readFileSync(path, "utf8").split("\n").filter(Boolean)) {
    const [name, type, ...rest] = line.split(" ");
    const data = rest.join(" ");
    const key = `${name.toLowerCase()} ${type}`;
    zone.set(key, [...(zone.get(key) || []), read(type, data)]);
  }
  return zone;
}

function read(type, data) {
  if (type === "TXT") return [data];
  return type === "MX" ? { exchange: data, priority: 10 } : data;
}

function makeResolver(zone) {
  return async (name, type) => {
    const found = zone.get(`${name.toLowerCase()} ${type}`);
    if (found) return found;
    throw Object.assign(new Error(`no ${type} of ${name}`), { code: "ENOTFOUND" });
  };
}

async function main([zone, path, ip, helo, sender, count]) {
  const message = readFileSync(path);
  const options = { ip, helo, sender, mta: "mx.example.net", resolver: makeResolver(readZone(zone)) };
  Object.assign(options, { disableArc: true, disableBimi: true });
  const turn = () => authenticate(message, options);
  const { spf, dkim, dmarc } = await turn();
  const results = [spf, ...dkim.results, dmarc].map((one) => one.status.result);
  let seconds = 0;
  if (Number(count)) {
    for (let each = 0; each < TURNS_TO_WARM; each += 1) await turn();
    const begin = process.cpuUsage();
    for (let each = 0; each < Number(count); each += 1) await turn();
    const spent = process.cpuUsage(begin);
    seconds = (spent.user + spent.system) / 1e6;
  }
  console.log(`${results.join(",")} ${seconds}`);
}

main(process.argv.slice(2));
