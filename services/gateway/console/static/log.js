// Pages of the audit log: what is shown is checked here, in the reader's browser, and the outcome is said in words.
//
// The browser also remembers the newest state of the log that it has found sound. What is served later must extend it: a log that
// was rewritten meanwhile is noticed, as a witness would notice it.
import * as proof from "/static/proof.js";

const SHOWN = 8;
const short = (bytes) => proof.toHex(bytes).slice(0, SHOWN);
const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function notice(kind, sentence, remedy = "") {
  const made = element("div", { class: `notice is-${kind}`, role: kind === "bad" ? "alert" : "status" }, element("p", {}, sentence));
  if (remedy) made.append(element("p", { class: "remedy" }, remedy));
  return made;
}

const MARKS = { right: ["is-good", "holds"], wrong: ["is-bad", "fails"], unknown: ["is-warn", "unchecked"] };

function checklist(checks) {
  const items = checks.map(([state, sentence]) => {
    const [kind, word] = MARKS[state];
    return element("li", {}, element("span", { class: `mark ${kind}` }, word), element("span", {}, sentence));
  });
  return element("ul", { class: "checklist" }, ...items);
}

async function fetched(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

const CANNOT = "This page came over a connection that is not secure, so the browser lets it compute no hashes: nothing was checked.";
const INSTEAD = "Open the console over https, or run the command below.";

// The one sentence, then each check, for everything that a part of a page says.
async function checked(part, work) {
  const place = part.querySelector("[data-outcome]") ?? part;
  part.setAttribute("aria-busy", "true");
  let shown;
  if (!proof.canCheck()) shown = [notice("warn", CANNOT, INSTEAD)];
  else {
    try {
      shown = await work();
    } catch (error) {
      shown = [notice("bad", `It could not be checked: ${error.message}`, "Load the page again; if it stays so, check it with the command line.")];
    }
  }
  place.replaceChildren(...shown);
  part.removeAttribute("aria-busy");
  part.dataset.checked = "yes";
}

function signatureCheck(signed) {
  const names = signed.signers.filter((one) => one.state === "right").map((one) => `${one.name} (key ${one.keyId})`);
  const of = signed.checkpoint ? `The state of ${counted(signed.checkpoint.size, "entry", "entries")}` : "The state";
  const words = { right: `${of} is signed by ${names.join(" and ")}.`, unknown: `${signed.problem} Check it with the command line.` };
  return [signed.state === "unsigned" ? "wrong" : signed.state, words[signed.state] ?? signed.problem];
}

// What was sound when this browser last looked, and whether the state of now extends it.
async function sinceLastTime(checkpoint) {
  const name = `hallmark-log:${checkpoint.origin}`;
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(name)); } catch { /* nothing that can be read is kept */ }
  const remember = () => {
    try { localStorage.setItem(name, JSON.stringify({ size: checkpoint.size, root: proof.toHex(checkpoint.root), at: Date.now() })); } catch { /* a browser that keeps nothing */ }
  };
  const root = proof.digestBytes(kept?.root);
  if (!root || !Number.isSafeInteger(kept.size) || kept.size < 1) {
    remember();
    return ["right", "This browser sees the log for the first time, and remembers this state to compare later ones with it."];
  }
  const then = `on ${new Date(kept.at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })} with ${counted(kept.size, "entry", "entries")}`;
  if (kept.size > checkpoint.size) return ["wrong", `This browser saw the log ${then}, and now it has fewer: entries are gone, or the server lags behind.`];
  const given = kept.size === checkpoint.size ? { hashes: [] } : await fetched(`/log/consistency.json?first=${kept.size}&second=${checkpoint.size}`);
  const grown = await proof.verifyConsistency(kept.size, checkpoint.size, root, checkpoint.root, given.hashes.map(proof.digestBytes));
  if (!grown.holds) return ["wrong", `This browser saw the log ${then}, and what is there now does not extend that: the log was rewritten.`];
  remember();
  return ["right", `Since this browser saw it ${then} the log has only grown.`];
}

function tree(seen, size, root) {
  const step = 46;
  const height = (seen.steps.length + 1) * step + 6;
  const svg = drawn("svg", { viewBox: `0 0 320 ${height}`, role: "img", "aria-label": `The way from the entry up to the root in ${counted(seen.steps.length, "step")}` });
  const lines = drawn("g");
  const boxes = drawn("g");
  const box = (x, y, kind, hash, role) => boxes.append(drawn("g", { class: kind },
    drawn("title", {}, `${role}: ${proof.toHex(hash)}`),
    drawn("rect", { x: x - 62, y, width: 124, height: 30, rx: 5 }),
    Object.assign(drawn("text", { x, y: y + 13 }), { textContent: short(hash) + "…" }),
    Object.assign(drawn("text", { x, y: y + 25, class: "role" }), { textContent: role })));
  const own = [seen.leaf, ...seen.steps.map((one) => one.result)];
  own.forEach((hash, level) => {
    const y = height - (level + 1) * step;
    const side = seen.steps[level]?.side;
    const x = side === "left" ? 244 : side === "right" ? 76 : 160;
    const top = level === own.length - 1;
    const kind = top ? (root && proof.toHex(root) === proof.toHex(hash) ? "good" : "bad") : "ours";
    box(x, y, kind, hash, level === 0 ? (top ? "this entry, and the root" : "this entry") : top ? `root over ${counted(size, "entry", "entries")}` : "computed");
    if (!side) return;
    box(320 - x, y, "given", seen.steps[level].hash, "neighbour, from the server");
    const next = seen.steps[level + 1]?.side;
    const above = next === "left" ? 244 : next === "right" ? 76 : 160;
    for (const from of [x, 320 - x]) lines.append(drawn("line", { x1: from, y1: y, x2: above, y2: y - step + 30 }));
  });
  svg.append(lines, boxes);
  return element("figure", { class: "tree" }, svg);
}

function steps(rows, heads) {
  const head = element("tr", {}, ...heads.map((one) => element("th", { scope: "col" }, one)));
  const body = rows.map((row) => element("tr", {}, ...row.map((one) => element("td", {}, typeof one === "string" ? one : element("code", {}, proof.toHex(one))))));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("details", {}, element("summary", {}, "Every step"), element("div", { class: "scroll" }, table));
}

async function entryProof(part) {
  const given = await fetched(part.dataset.entryProof);
  const bytes = new TextEncoder().encode(given.entry);
  const signed = await proof.verifyCheckpoint(given.note, given.keys);
  const checkpoint = signed.checkpoint;
  const seen = await proof.verifyInclusion(bytes, given.index, given.size, given.hashes.map(proof.digestBytes), checkpoint?.root);
  const shown = document.getElementById("entry-bytes").textContent;
  const checks = [];
  // The page writes characters that could deceive as their numbers; then the bytes differ from what is shown.
  if (!shown.includes("\u27e6U+")) checks.push(shown === given.entry ? ["right", "The bytes are those that this page shows."] : ["wrong", "The bytes that were proven are not those that this page shows."]);
  checks.push([checkpoint?.size === given.size ? "right" : "wrong", checkpoint?.size === given.size ? `The proof is about the signed state of ${counted(given.size, "entry", "entries")}.` : "The proof is about another state than the one that was signed."]);
  checks.push([seen.holds ? "right" : "wrong", seen.holds ? `From the entry, ${counted(seen.steps.length, "neighbour")} lead to the signed root.` : seen.problem]);
  checks.push(signatureCheck(signed));
  const sound = checks.every(([state]) => state === "right");
  if (sound) checks.push(await sinceLastTime(checkpoint));
  const failed = checks.find(([state]) => state === "wrong");
  const unsure = checks.find(([state]) => state === "unknown");
  const outcome = failed ? notice("bad", `This is not proven: ${failed[1]}`, "Keep this page and the checkpoint, and ask the operators. Check it with the command line, too.")
    : unsure ? notice("warn", `This entry is in a log of ${counted(given.size, "entry", "entries")} with root ${proof.toHex(seen.root)}. Who signed that root was not checked.`, unsure[1])
    : notice("good", `This entry is in the log of ${counted(given.size, "entry", "entries")} with root ${proof.toHex(seen.root)}.`);
  const rows = seen.steps.map((one, at) => [String(at + 1), one.side, one.hash, one.result]);
  const both = element("div", { class: "both" }, checklist(checks), tree(seen, given.size, checkpoint?.root));
  return [outcome, both, ...(rows.length ? [steps(rows, ["Step", "Neighbour is", "Neighbour", "Both give"])] : [])];
}

async function consistency(part) {
  const given = await fetched(part.dataset.consistency);
  const [one, other] = await Promise.all([given.first, given.second].map((state) => proof.verifyCheckpoint(state.note, state.keys)));
  const sizes = [given.first.size, given.second.size];
  const fits = one.checkpoint?.size === sizes[0] && other.checkpoint?.size === sizes[1] && one.checkpoint?.origin === other.checkpoint?.origin;
  const grown = await proof.verifyConsistency(...sizes, one.checkpoint?.root, other.checkpoint?.root, given.hashes.map(proof.digestBytes));
  const checks = [
    fits ? ["right", "Both states are of the sizes that are compared, and of one log."] : ["wrong", "The states are not those that are compared."],
    grown.holds ? ["right", `${counted(given.hashes.length, "hash", "hashes")} lead to both roots.`] : ["wrong", grown.problem],
    signatureCheck(one), signatureCheck(other),
  ];
  const failed = checks.find(([state]) => state === "wrong");
  const unsure = checks.find(([state]) => state === "unknown");
  const sentence = `The log of ${counted(sizes[1], "entry", "entries")} begins with all ${counted(sizes[0], "entry", "entries")} of the earlier state, unchanged.`;
  const outcome = failed ? notice("bad", `This is not proven: ${failed[1]}`, "Keep both checkpoints, and ask the operators. Check it with the command line, too.")
    : unsure ? notice("warn", sentence, unsure[1]) : notice("good", sentence);
  const width = 100 * sizes[0] / sizes[1];
  const bar = drawn("svg", { class: "growth", viewBox: "0 0 100 6", preserveAspectRatio: "none", role: "img", "aria-label": `${sizes[0]} of ${sizes[1]} entries were there before` },
    drawn("rect", { class: "fill-grey", width: 100, height: 6 }), drawn("rect", { class: failed ? "fill-bad" : "fill-good", width, height: 6 }));
  const rows = grown.steps.map((step, at) => [String(at + 1), step.side, step.hash, step.old, step.fresh]);
  return [outcome, bar, checklist(checks), ...(rows.length ? [steps(rows, ["Step", "Side", "Hash", "Earlier root so far", "Later root so far"])] : [])];
}

async function newestState(part) {
  const given = await fetched(part.dataset.logCheck);
  const signed = await proof.verifyCheckpoint(given.note, given.keys);
  const checks = [signatureCheck(signed)];
  if (checks[0][0] === "right") checks[0][1] += ` Its root is ${proof.toHex(signed.checkpoint.root)}.`;
  for (const one of await proof.verifyCosignatures(given.note, given.witnesses)) {
    checks.push([one.state, one.state === "wrong" ? `The cosignature of ${one.name} is wrong.` : `${one.name} has seen it.`]);
  }
  if (checks.every(([state]) => state === "right")) checks.push(await sinceLastTime(signed.checkpoint));
  const failed = checks.find(([state]) => state === "wrong");
  return [...(failed ? [notice("bad", `The log is not sound: ${failed[1]}`, "Keep the checkpoint, and ask the operators.")] : []), checklist(checks)];
}

const WORK = { "[data-entry-proof]": entryProof, "[data-consistency]": consistency, "[data-log-check]": newestState };
for (const [selector, work] of Object.entries(WORK)) {
  for (const part of document.querySelectorAll(selector)) checked(part, () => work(part));
}
