// Makes the mongo container a one-node replica set, because transactions need one, with one user per service who may
// read and write its own database and nothing else; one that is in `privileges.json` may do there only what these say.
// Can be run again: it ends with what the files say. Run by mongosh as `mongosh --nodb replica-set.js`; written by
// deploy/render.py: passwords.json and privileges.json in /run/hallmark.

const fs = require("fs");

const HOST = "mongo:27017";
const REPLICA_SET = "hallmark";
const NOT_YET_INITIALIZED = 94;
const MAJORITY = { w: "majority", j: true };
const PATIENCE_MS = 60000;

const read = (name) => JSON.parse(fs.readFileSync(`/run/hallmark/${name}`, "utf8"));
const passwords = read("passwords.json");
const confined = read("privileges.json");
const login = `root:${encodeURIComponent(passwords.root)}`;
const admin = connect(
  `mongodb://${login}@${HOST}/admin?directConnection=true&serverSelectionTimeoutMS=${PATIENCE_MS}`,
);

try {
  admin.adminCommand({ replSetGetStatus: 1 });
} catch (refusal) {
  if (refusal.code !== NOT_YET_INITIALIZED) throw refusal;
  admin.adminCommand({ replSetInitiate: { _id: REPLICA_SET, members: [{ _id: 0, host: HOST }] } });
}

const deadline = Date.now() + PATIENCE_MS;
while (!admin.hello().isWritablePrimary) {
  if (Date.now() > deadline) throw new Error("MongoDB did not become primary");
  sleep(200);
}

for (const [name, pwd] of Object.entries(passwords)) {
  if (name === "root") continue;
  const own = admin.getSiblingDB(`hallmark_${name}`);
  const privileges = confined[name];
  if (privileges && own.getRole("service")) own.updateRole("service", { privileges, roles: [] }, MAJORITY);
  else if (privileges) own.createRole({ role: "service", privileges, roles: [] }, MAJORITY);
  const role = { role: privileges ? "service" : "readWrite", db: own.getName() };
  const user = { pwd, roles: [role], mechanisms: ["SCRAM-SHA-256"] };
  if (admin.getUser(name)) admin.updateUser(name, user, MAJORITY);
  else admin.createUser({ user: name, ...user }, MAJORITY);
  print(`${name} owns hallmark_${name}`);
}
