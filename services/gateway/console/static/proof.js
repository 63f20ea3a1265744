// Proofs of the transparency log, checked where they are read: nothing here asks a server, or believes one.
//
// - Hashes are those of RFC 6962: a leaf is SHA-256 of 0x00 and its bytes, a node of 0x01 and its two halves.
// - A proof is a list of neighbours. Recomputing goes from the leaf up, and keeps each step, so that it can be drawn.
// - A checkpoint is a C2SP signed note. Its signature is checked with the keys that the reader names.
// - Everything answers what it found, and never throws, whatever a proof is made of.
//
// Sources: RFC 9162 sections 2.1.3.2 and 2.1.4.2, C2SP signed-note, tlog-checkpoint and tlog-cosignature.

const HASH_BYTES = 32;
const KEY_ID_BYTES = 4;
const ED25519 = 1;
const ECDSA = 2;
const COSIGNATURE = 4;

// Whether this page may compute hashes at all: browsers offer that over https and on the machine itself only.
export const canCheck = () => Boolean(globalThis.crypto?.subtle);

export const toHex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");

// The bytes behind `sha256:` and 64 hexadecimal digits, or null.
export function digestBytes(text) {
  const found = /^(?:sha256:)?([0-9a-f]{64})$/.exec(text ?? "");
  return found ? Uint8Array.from(found[1].match(/../g), (pair) => parseInt(pair, 16)) : null;
}

// The bytes behind the one canonical base64 form, or null.
export function base64Bytes(text) {
  try {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    return btoa(String.fromCharCode(...bytes)) === text ? bytes : null;
  } catch {
    return null;
  }
}

const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export const leafHash = (entry) => sha256(joined(Uint8Array.of(0), entry));
export const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

const allHashes = (hashes) => Array.isArray(hashes) && hashes.every((one) => one instanceof Uint8Array && one.length === HASH_BYTES);
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const odd = (value) => value % 2 === 1;
const half = (value) => Math.floor(value / 2); // not >>: sizes may pass 2^31

// From a leaf up to the root. `steps` has for each neighbour its side, its hash and what both give; `problem` is empty when all of
// the proof was used and nothing of the tree is left.
export async function climb(leaf, index, size, hashes) {
  const steps = [];
  if (!isCount(index) || !isCount(size) || index >= size) return { root: null, steps, problem: `A log of ${size} entries has no entry ${index}.` };
  if (!allHashes([leaf]) || !allHashes(hashes)) return { root: null, steps, problem: "The proof holds something that is no SHA-256 hash." };
  let position = index;
  let last = size - 1;
  let result = leaf;
  for (const hash of hashes) {
    if (last === 0) return { root: null, steps, problem: "The proof is longer than the way to the root." };
    const left = odd(position) || position === last;
    result = left ? await nodeHash(hash, result) : await nodeHash(result, hash);
    if (left) while (!odd(position) && position) { position = half(position); last = half(last); }
    position = half(position);
    last = half(last);
    steps.push({ side: left ? "left" : "right", hash, result });
  }
  if (last !== 0) return { root: null, steps, problem: "The proof ends before the root." };
  return { root: result, steps, problem: "" };
}

// Whether the entry with these bytes stands at `index` of the tree of `size` entries with that root.
export async function verifyInclusion(entry, index, size, hashes, root) {
  const leaf = await leafHash(entry);
  const climbed = await climb(leaf, index, size, hashes);
  const holds = climbed.problem === "" && root instanceof Uint8Array && same(climbed.root, root);
  return { ...climbed, leaf, holds, problem: climbed.problem || (holds ? "" : "The root that comes out is not the one that was signed.") };
}

// Whether the tree of `second` entries begins with all of the tree of `first`, unchanged. `old` and `fresh` are the roots that the
// proof gives for the two; nothing can be shown about an empty tree.
export async function verifyConsistency(first, second, firstRoot, secondRoot, hashes) {
  const failed = (problem) => ({ holds: false, problem, old: null, fresh: null, steps: [] });
  if (!isCount(first) || !isCount(second) || first < 1 || first > second) return failed("The sizes are in the wrong order.");
  if (!allHashes([firstRoot, secondRoot]) || !allHashes(hashes)) return failed("The proof holds something that is no SHA-256 hash.");
  if (first === second) {
    const holds = hashes.length === 0 && same(firstRoot, secondRoot);
    return { holds, problem: holds ? "" : "Two states of one size differ: the log was forked.", old: firstRoot, fresh: secondRoot, steps: [] };
  }
  let position = first - 1;
  let last = second - 1;
  while (odd(position)) { position = half(position); last = half(last); }
  // A first tree that is one node of the second begins the path itself; the reader knows that hash already.
  const path = position === 0 ? [firstRoot, ...hashes] : [...hashes];
  if (!path.length) return failed("The proof is empty.");
  let old = path[0];
  let fresh = path[0];
  const steps = [{ side: "start", hash: path[0], old, fresh }];
  for (const hash of path.slice(1)) {
    if (last === 0) return failed("The proof is longer than the way to the root.");
    const left = odd(position) || position === last;
    if (left) {
      old = await nodeHash(hash, old);
      fresh = await nodeHash(hash, fresh);
      while (!odd(position) && position) { position = half(position); last = half(last); }
    } else {
      fresh = await nodeHash(fresh, hash);
    }
    position = half(position);
    last = half(last);
    steps.push({ side: left ? "left" : "right", hash, old, fresh });
  }
  if (last !== 0) return failed("The proof ends before the root.");
  const begins = same(old, firstRoot);
  const ends = same(fresh, secondRoot);
  const problem = begins ? (ends ? "" : "What comes out for the larger state is not its signed root.") : "What comes out for the smaller state is not its signed root.";
  return { holds: begins && ends, problem, old, fresh, steps };
}

// The text of a note and its signature lines, nothing of it verified; null when it cannot be read.
export function parseNote(note) {
  if (typeof note !== "string" || /[\x00-\x09\x0b-\x1f\x7f]/.test(note)) return null;
  const at = note.lastIndexOf("\n\n");
  if (at < 0 || !note.endsWith("\n")) return null;
  const signatures = [];
  for (const line of note.slice(at + 2, -1).split("\n")) {
    const found = /^— (\S+) (\S+)$/.exec(line);
    const value = found ? base64Bytes(found[2]) : null;
    if (!value || value.length <= KEY_ID_BYTES) return null;
    signatures.push({ name: found[1], keyId: value.slice(0, KEY_ID_BYTES), signature: value.slice(KEY_ID_BYTES) });
  }
  return { text: note.slice(0, at + 1), signatures };
}

// Origin, size and root of a checkpoint's text; null when it is none.
export function parseCheckpoint(text) {
  const lines = text.split("\n");
  const size = Number(lines[1]);
  const root = base64Bytes(lines[2] ?? "");
  if (lines.length < 4 || lines.at(-1) !== "" || !lines[0] || !/^(0|[1-9][0-9]{0,15})$/.test(lines[1]) || !Number.isSafeInteger(size)) return null;
  return root?.length === HASH_BYTES ? { origin: lines[0], size, root } : null;
}

// A key in its one-line form `<name>+<key id>+<base64>`; null unless its id belongs to it.
export async function parseKey(line) {
  const found = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(line ?? "");
  const typed = found ? base64Bytes(found[3]) : null;
  if (!typed || typed.length < 2) return null;
  const [, name, keyId] = found;
  const kind = typed[0];
  const body = typed.slice(1);
  const named = kind === ECDSA ? await sha256(body) : await sha256(joined(new TextEncoder().encode(`${name}\n`), typed));
  return toHex(named.slice(0, KEY_ID_BYTES)) === keyId ? { line, name, keyId, kind, body } : null;
}

// Two whole numbers in ASN.1, as ECDSA signatures are written, to the 64 bytes that browsers want; null for anything else.
export function rawEcdsa(der) {
  const numbers = [];
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return null;
  for (let at = 2; at < der.length;) {
    const length = der[at + 1];
    const value = der.slice(at + 2, at + 2 + length);
    if (der[at] !== 0x02 || !length || value.length !== length) return null;
    const bare = value[0] === 0 ? value.slice(1) : value;
    if (bare.length > HASH_BYTES) return null;
    numbers.push(joined(new Uint8Array(HASH_BYTES - bare.length), bare));
    at += 2 + length;
  }
  return numbers.length === 2 ? joined(...numbers) : null;
}

// "right", "wrong", or "unknown" where this browser does not know the algorithm.
async function signatureOf(key, message, signature) {
  const ecdsa = key.kind === ECDSA;
  const algorithm = ecdsa ? { name: "ECDSA", namedCurve: "P-256" } : { name: "Ed25519" };
  let imported;
  try {
    imported = await crypto.subtle.importKey(ecdsa ? "spki" : "raw", key.body, algorithm, false, ["verify"]);
  } catch (error) {
    return error?.name === "NotSupportedError" ? "unknown" : "wrong";
  }
  const raw = ecdsa ? rawEcdsa(signature) : signature;
  if (!raw) return "wrong";
  const held = await crypto.subtle.verify(ecdsa ? { name: "ECDSA", hash: "SHA-256" } : algorithm, imported, raw, message);
  return held ? "right" : "wrong";
}

// Who signed a checkpoint, of the keys given in one-line form. `state` is "right" (one key at least, none wrong), "wrong",
// "unknown" (this browser knows none of the algorithms) or "unsigned".
export async function verifyCheckpoint(note, lines) {
  const parsed = parseNote(note);
  const checkpoint = parsed ? parseCheckpoint(parsed.text) : null;
  if (!checkpoint) return { state: "wrong", checkpoint: null, signers: [], problem: "The checkpoint cannot be read." };
  const keys = (await Promise.all(lines.map(parseKey))).filter((key) => key && [ED25519, ECDSA].includes(key.kind));
  const message = new TextEncoder().encode(parsed.text);
  const signers = [];
  for (const { name, keyId, signature } of parsed.signatures) {
    const key = keys.find((one) => one.name === name && one.keyId === toHex(keyId));
    if (key) signers.push({ name, keyId: key.keyId, state: await signatureOf(key, message, signature) });
  }
  const states = new Set(signers.map((one) => one.state));
  const state = states.has("wrong") ? "wrong" : states.has("right") ? "right" : states.has("unknown") ? "unknown" : "unsigned";
  const problems = { wrong: "A signature under the checkpoint is wrong.", unsigned: "None of the keys signed the checkpoint.", unknown: "This browser cannot check signatures of this kind.", right: "" };
  return { state, checkpoint, signers, problem: problems[state] };
}

// Which witnesses cosigned a checkpoint, of those given in one-line form: name, time in seconds since 1970, state as above.
export async function verifyCosignatures(note, lines) {
  const parsed = parseNote(note);
  if (!parsed) return [];
  const keys = (await Promise.all(lines.map(parseKey))).filter((key) => key?.kind === COSIGNATURE);
  const found = [];
  for (const { name, keyId, signature } of parsed.signatures) {
    const key = keys.find((one) => one.name === name && one.keyId === toHex(keyId));
    if (!key) continue;
    const time = Number(new DataView(signature.buffer, signature.byteOffset).getBigUint64(0));
    const message = new TextEncoder().encode(`cosignature/v1\ntime ${time}\n${parsed.text}`);
    const state = signature.length === 72 ? await signatureOf(key, message, signature.slice(8)) : "wrong";
    found.push({ name, time, state });
  }
  return found;
}
