// Both TypeScript clients, driven line by line as python_sdk.py is: `sdk` in the argument is "v1" or "v2".
// MCP_CLIENTS is the folder with their packages.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const setup = JSON.parse(process.argv[2]);
const load = createRequire(`${process.env.MCP_CLIENTS}/`);
// How long an answer may take, in milliseconds: as long as a test waits for anything.
const BOUND = 120_000;

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const sdk = setup.sdk === "v1"
  ? {
      ...load("@modelcontextprotocol/sdk/client/index.js"),
      ...load("@modelcontextprotocol/sdk/client/streamableHttp.js"),
      ...load("@modelcontextprotocol/sdk/client/stdio.js"),
    }
  : { ...load("@modelcontextprotocol/client"), ...load("@modelcontextprotocol/client/stdio") };

const options = { capabilities: {} };
if (setup.sdk === "v2") {
  options.versionNegotiation = { mode: setup.mode ?? "auto" };
}
const client = new sdk.Client({ name: "floh-tests", version: "1.0.0" }, options);
const transport = setup.command
  ? new sdk.StdioClientTransport({ command: setup.command[0], args: setup.command.slice(1), env: setup.env })
  : new sdk.StreamableHTTPClientTransport(new URL(setup.url), {
      requestInit: { headers: { authorization: `Bearer ${setup.token}` } },
    });

const does = {
  async tools() {
    const { tools, nextCursor } = await client.listTools();
    return { items: tools, nextCursor: nextCursor ?? null };
  },
  async call({ name, arguments: given = {}, timeout = BOUND, reset = false, progress = false }) {
    const heard = [];
    const onprogress = progress ? (notice) => heard.push(notice) : undefined;
    const request = { timeout, resetTimeoutOnProgress: reset, onprogress };
    const params = { name, arguments: given };
    const result = setup.sdk === "v1"
      ? await client.callTool(params, undefined, request)
      : await client.callTool(params, request);
    return { ...result, progress: heard };
  },
  async resources() {
    return { items: (await client.listResources()).resources };
  },
  async prompts() {
    return { items: (await client.listPrompts()).prompts };
  },
  read: ({ uri }) => client.readResource({ uri }),
  prompt: ({ name, arguments: given }) => client.getPrompt({ name, arguments: given }),
};

await client.connect(transport);
say({
  protocol: (setup.sdk === "v1" ? transport.protocolVersion : client.getNegotiatedProtocolVersion?.()) ?? null,
  server: client.getServerVersion() ?? null,
  instructions: client.getInstructions() ?? null,
});
for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...request } = JSON.parse(line);
  try {
    say({ ok: await does[what](request) });
  } catch (error) {
    // What the client makes of an answer is what the test asks for.
    say({ error: { code: error.code ?? null, message: String(error.message ?? error) } });
  }
}
await client.close();
