// A SCIM server of the packages scimmy and scimmy-routers, with its resources in memory. The argument is the folder whose
// node_modules has them. It says its port in its first line.
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";

const require = createRequire(process.argv[2] + "/");
const express = require("express");
const { default: Routers, SCIMMY } = require("scimmy-routers");

// The packages leave the store to who uses them.
const store = (unique) => {
  const kept = new Map();
  return {
    egress(resource) {
      if (resource.id) {
        const found = kept.get(resource.id);
        if (!found) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
        return structuredClone(found);
      }
      const all = [...kept.values()];
      return resource.filter ? resource.filter.match(all) : all;
    },
    ingress(resource, instance) {
      const data = JSON.parse(JSON.stringify(instance));
      const id = resource.id ?? randomUUID();
      if (resource.id && !kept.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
      const taken = [...kept.values()].some(
        (other) => other.id !== id && String(other[unique]).toLowerCase() === String(data[unique]).toLowerCase(),
      );
      if (taken) throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
      const now = new Date();
      const made = kept.get(id)?.meta?.created ?? now;
      const one = { ...data, id, meta: { created: made, lastModified: now } };
      kept.set(id, one);
      return structuredClone(one);
    },
    degress(resource) {
      if (!kept.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
    },
  };
};

SCIMMY.Resources.declare(SCIMMY.Resources.User, store("userName"));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, store("displayName"));
SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
SCIMMY.Config.set({ bulk: { supported: true, maxOperations: 10, maxPayloadSize: 1048576 } });

const app = express();
app.use(
  "/scim",
  new Routers({
    type: "bearer",
    handler: (request) => {
      if (request.header("authorization") !== "Bearer tok") throw new Error("The token is not known");
      return "somebody";
    },
  }),
);
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
