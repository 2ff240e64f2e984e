"""The official Python client, driven line by line: a JSON request on standard input, its JSON answer on standard output.

Its one argument says where the server is: {"url", "token"} or {"command", "env"}, and how: {"mode", "elicit"}.
"""

import asyncio
import json
import sys

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult, PromptReference, ResourceTemplateReference

SETUP = json.loads(sys.argv[1])
# How long an answer may take, in seconds: as long as a test waits for anything.
BOUND = 120


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def pages(fetch, key):
    found, count, cursor = [], 0, None
    while True:
        page = await fetch(cursor=cursor)
        found += [plain(item) for item in getattr(page, key)]
        count += 1
        cursor = page.next_cursor
        if not cursor:
            return {"pages": count, "items": found}


class Driver:
    def __init__(self, client):
        self.client = client
        self.asked = []
        self.started = None
        self.subscription = None

    async def elicited(self, _context, params):
        self.asked.append(plain(params))
        if SETUP["elicit"] == "accept":
            return ElicitResult(action="accept", content={"confirm": True})
        return ElicitResult(action=SETUP["elicit"])

    async def call(self, name, arguments=None, timeout=BOUND, progress=False, meta=None, times=1):
        heard = []

        async def one():
            async def advance(done, total, message):
                heard.append({"progress": done, "total": total, "message": message})

            callback = advance if progress else None
            try:
                result = await self.client.call_tool(name, arguments or {}, timeout, callback, meta=meta)
            except MCPError as error:
                return {"code": error.error.code, "message": error.error.message}
            return plain(result)

        results = await asyncio.gather(*(one() for _ in range(times)))
        self.asked, asked = [], self.asked
        return {"results": results, "progress": heard, "asked": asked} if times > 1 else {
            **results[0], "progress": heard, "asked": asked}

    async def round(self, name, arguments, state=None):
        """One request of a call that asks its user: without a state the first one, with it the one that agrees."""
        agreed = {"confirm": ElicitResult(action="accept", content={"confirm": True})} if state else None
        result = await self.client.session.call_tool(
            name, arguments, input_responses=agreed, request_state=state, allow_input_required=True)
        return plain(result)

    async def start(self, **call):
        self.started = asyncio.create_task(self.call(**call))

    async def cancel(self):
        self.started.cancel()
        await asyncio.wait([self.started])
        return {"cancelled": self.started.cancelled()}

    async def finish(self):
        return await self.started

    async def tools(self):
        return await pages(self.client.list_tools, "tools")

    async def resources(self):
        return await pages(self.client.list_resources, "resources")

    async def templates(self):
        return await pages(self.client.list_resource_templates, "resource_templates")

    async def prompts(self):
        return await pages(self.client.list_prompts, "prompts")

    async def read(self, uri):
        return plain(await self.client.read_resource(uri))

    async def prompt(self, name, arguments=None):
        return plain(await self.client.get_prompt(name, arguments))

    async def complete(self, argument, prompt=None, template=None):
        ref = PromptReference(name=prompt) if prompt else ResourceTemplateReference(uri=template)
        return plain(await self.client.complete(ref, argument))

    async def listen(self, ready):
        # A task of its own holds the subscription open.
        async with self.client.listen(tools_list_changed=True, resources_list_changed=True) as events:
            ready.set()
            async for event in events:
                await self.heard.put(type(event).__name__)

    async def subscribe(self):
        self.heard, ready = asyncio.Queue(), asyncio.Event()
        self.subscription = asyncio.create_task(self.listen(ready))
        await asyncio.wait_for(ready.wait(), BOUND)

    async def event(self):
        return await asyncio.wait_for(self.heard.get(), BOUND)

    async def run(self):
        session = self.client
        info = session.server_info
        say({"protocol": session.protocol_version, "server": plain(info) if info else None,
             "capabilities": plain(session.server_capabilities), "instructions": session.instructions})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            request = json.loads(line)
            try:
                say({"ok": await getattr(self, request.pop("do"))(**request)})
            except MCPError as error:
                say({"error": {"code": error.error.code, "message": error.error.message}})
            except Exception as error:  # What the client makes of an answer is what the test asks for.
                say({"error": {"message": f"{type(error).__name__}: {error}"}})
        if self.subscription:
            self.subscription.cancel()


async def main():
    driver = Driver(None)
    options = {"mode": SETUP.get("mode", "auto"), "cache": None}
    if SETUP.get("elicit"):
        options["elicitation_callback"] = driver.elicited
    if "command" in SETUP:
        command, *args = SETUP["command"]
        server = stdio_client(StdioServerParameters(command=command, args=args, env=SETUP["env"]))
        async with Client(server, **options) as driver.client:
            await driver.run()
        return
    headers = {"authorization": f"Bearer {SETUP['token']}"} if SETUP.get("token") else {}
    async with httpx2.AsyncClient(headers=headers, timeout=BOUND, trust_env=False) as http:
        async with Client(streamable_http_client(SETUP["url"], http_client=http), **options) as driver.client:
            await driver.run()


anyio.run(main)
