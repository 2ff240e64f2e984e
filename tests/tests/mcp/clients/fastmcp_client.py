"""FastMCP's client, driven line by line as python_sdk.py is."""

import asyncio
import dataclasses
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from fastmcp.exceptions import ToolError

SETUP = json.loads(sys.argv[1])


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def typed(value):
    """Shows what a typed result is made of, so that a dictionary is told apart from a class."""
    if dataclasses.is_dataclass(value):
        fields = {field.name: typed(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": True, **fields}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return value if isinstance(value, (dict, str, int, float, bool, type(None))) else repr(value)


async def answer(client, request):
    match request.pop("do"):
        case "tools":
            return [tool.name for tool in await client.list_tools()]
        case "call":
            try:
                result = await client.call_tool(request["name"], request.get("arguments", {}))
            except ToolError as error:
                return {"refused": str(error)}
            return {"data": typed(result.data), "structured": result.structured_content, "isError": result.is_error}
        case "read":
            return [content.text for content in await client.read_resource(request["uri"])]
        case other:
            raise ValueError(other)


async def main():
    if "command" in SETUP:
        command, *args = SETUP["command"]
        transport = StdioTransport(command, args, env=SETUP["env"])
    else:
        transport = StreamableHttpTransport(SETUP["url"], headers={"authorization": f"Bearer {SETUP['token']}"})
    async with Client(transport) as client:
        say({"ready": True})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                say({"ok": await answer(client, json.loads(line))})
            except Exception as error:  # What the client makes of an answer is what the test asks for.
                say({"error": {"message": f"{type(error).__name__}: {error}"}})


asyncio.run(main())
