// Makes the mongo container a one-node replica set, because transactions need one, with one user per service who may
// read and write its own database and nothing else. Can be run again: it ends with what `passwords.json` says.
// Run by mongosh as `mongosh --nodb replica-set.js`; written by deploy/render.py: /run/hallmark/passwords.json.

const fs = require("fs");

const HOST = "mongo:27017";
const REPLICA_SET = "hallmark";
const NOT_YET_INITIALIZED = 94;
const MAJORITY = { w: "majority", j: true };
const PATIENCE_MS = 60000;

const passwords = JSON.parse(fs.readFileSync("/run/hallmark/passwords.json", "utf8"));
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
  const user = { pwd, roles: [{ role: "readWrite", db: `hallmark_${name}` }], mechanisms: ["SCRAM-SHA-256"] };
  if (admin.getUser(name)) admin.updateUser(name, user, MAJORITY);
  else admin.createUser({ user: name, ...user }, MAJORITY);
  print(`${name} owns hallmark_${name}`);
}
