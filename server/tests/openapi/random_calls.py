"""Makes random calls of an OpenAPI document, with the request that each must become.

It shares nothing with the server: values come from the document's own schemas, and requests are written by what OpenAPI,
RFC 3986, RFC 6570, RFC 7578 and RFC 8259 say. Of the server it knows the names of params alone (the table).

  python3 random_calls.py DOCUMENT.json TABLE.json SEED COUNT

Prints a line of JSON for each call: the command, its params, and the expected request. A number in the output is written
with the digits that it was made with.
"""
import base64
import json
import random
import re
import sys

# Parameters that OpenAPI says are ignored.
IGNORED_HEADERS = ("accept", "content-type", "authorization")
MAX_DEPTH = 5
TEXTS = ["a", "x y", "50%", "a&b=c", "ä+ö", "?#/;:@", "'\"<>", "1,2|3", "{}[]", "\u20ac\U0001f600", "null", "true", "007", "~-._"]
LINES = ["two\nlines", "tab\there", "back\\slash"]


TYPES = {str: {"string"}, bool: {"boolean"}, int: {"integer", "number"}, float: {"number"}, dict: {"object"}, list: {"array"},
         type(None): {"null"}}


class Skip(Exception):
    """Values of this schema cannot be made here."""


class Raw(str):
    """The digits of a number."""


def dump(value):
    """Writes JSON; a Raw is a number."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(key, ensure_ascii=False) + ":" + dump(item) for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class Maker:
    """Makes values of schemas."""

    def __init__(self, document, chance):
        self.document, self.chance = document, chance
        self.is_30 = document.get("openapi", "").startswith("3.0")

    def resolve(self, node):
        for _ in range(32):
            if not isinstance(node, dict) or "$ref" not in node:
                return node
            reference = node["$ref"]
            if not reference.startswith("#/"):
                raise Skip
            found = self.document
            for step in reference[2:].split("/"):
                step = re.sub(r"%([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), step)
                step = step.replace("~1", "/").replace("~0", "~")
                found = found[int(step)] if isinstance(found, list) else found.get(step)
                if found is None:
                    raise Skip
            siblings = {key: value for key, value in node.items() if key != "$ref"}
            node = found if self.is_30 or not siblings or not isinstance(found, dict) else {**found, **siblings}
        raise Skip

    def merged(self, schema, depth):
        """The schema with its allOf, and one branch of its oneOf or anyOf."""
        schema = self.resolve(schema)
        if schema is True or schema is None:
            return {}
        if not isinstance(schema, dict) or depth > MAX_DEPTH * 3:
            raise Skip
        if any(key in schema for key in ("not", "if", "dependentSchemas", "dependencies", "dependentRequired", "discriminator",
                                         "propertyNames", "patternProperties", "contains", "prefixItems", "minProperties", "unevaluatedProperties")):
            raise Skip
        parts = [dict(schema)]
        for part in schema.get("allOf", []):
            parts.append(self.merged(part, depth + 1))
        for key in ("oneOf", "anyOf"):
            branches = schema.get(key)
            if branches:
                parts.append(self.merged(self.chance.choice(branches), depth + 1))
        if len(parts) == 1:
            return parts[0]
        out = {}
        for part in parts:
            for key, value in part.items():
                if key in ("allOf", "oneOf", "anyOf"):
                    continue
                if key == "properties":
                    known = out.setdefault(key, {})
                    if any(name in known and known[name] != item for name, item in value.items()):
                        raise Skip
                    out[key] = {**known, **value}
                elif key == "required":
                    out[key] = out.get(key, []) + value
                elif key in ("title", "description", "example", "examples", "default"):
                    out[key] = value
                elif key in out and out[key] != value:
                    raise Skip
                else:
                    out[key] = value
        return out

    def make(self, schema, depth=0, plain=False):
        """Makes a value. `plain` is for a place that has no null and no line breaks."""
        schema = self.merged(schema, depth)
        chance = self.chance
        types = schema.get("type")
        types = [types] if isinstance(types, str) else list(types or [])
        if schema.get("nullable") and self.is_30 and types:
            types.append("null")
        if plain:
            types = [ty for ty in types if ty != "null"] or types
        if "const" in schema or "enum" in schema:
            literals = [schema["const"]] if "const" in schema else schema["enum"]
            fits = [one for one in literals if one in schema.get("enum", literals) and (not types or TYPES[type(one)] & set(types))]
            if not fits:
                raise Skip
            return self.literal(chance.choice(fits), plain)
        if not types:
            types = ["object"] if "properties" in schema else ["array"] if "items" in schema else []
        if not types:
            if any(key in schema for key in ("pattern", "minLength", "maxLength", "minimum", "maximum", "format")):
                raise Skip
            types = ["string"] if plain else [chance.choice(["string", "integer", "boolean"])]
        if "null" in types:
            if chance.random() < 0.2:
                return None
            types = [ty for ty in types if ty != "null"]
            if not types:
                return None
        made = getattr(self, "make_" + chance.choice(types), None)
        if made is None:
            raise Skip
        return made(schema, depth, plain)

    def literal(self, value, plain):
        if plain and (value is None or value == ""):
            raise Skip
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return Raw(json.dumps(value))
        if isinstance(value, (dict, list)):
            raise Skip
        return value

    def make_boolean(self, schema, depth, plain):
        return self.chance.random() < 0.5

    def make_integer(self, schema, depth, plain):
        low, high = self.bounds(schema)
        choices = [0, 1, -1, 7, 42, 1000, 2**31 - 1]
        if schema.get("format") in (None, "int64"):
            choices += [2**53 - 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1]
        if schema.get("format") is None:
            choices += [2**64 + 1, 123456789012345678901234567890]
        for bound in (low, high):
            if bound is not None:
                choices += [int(bound) - 1, int(bound), int(bound) + 1]
        by = schema.get("multipleOf")
        fits = [one for one in choices if (low is None or one >= low) and (high is None or one <= high) and not (by and one % by)]
        if not fits:
            raise Skip
        return Raw(self.chance.choice(fits))

    def make_number(self, schema, depth, plain):
        low, high = self.bounds(schema)
        if schema.get("multipleOf"):
            raise Skip
        choices = ["0", "1", "-1", "1.5", "0.1", "1.10", "-2.50", "100"]
        if schema.get("format") not in ("float", "int32"):
            choices += ["12345678901234567.89", "0.1234567890123456789", "9007199254740993", "3.0"]
        fits = [one for one in choices if (low is None or float(one) >= low) and (high is None or float(one) <= high)]
        if not fits:
            raise Skip
        return Raw(self.chance.choice(fits))

    @staticmethod
    def bounds(schema):
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        if isinstance(above, bool) or isinstance(below, bool):
            low = low + 1 if above and low is not None else low
            high = high - 1 if below and high is not None else high
        else:
            low = above + 1 if above is not None else low
            high = below - 1 if below is not None else high
        return low, high

    def make_string(self, schema, depth, plain):
        chance, form = self.chance, schema.get("format")
        fixed = {
            "date": "2026-01-31", "date-time": chance.choice(["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.123456+02:00"]),
            "uuid": "0b2f1a7e-6f0f-4c0e-9a31-6b1f2f3c4d5e", "uri": "https://example.com/a?b=c&d=%20#e", "url": "https://example.com/a?b=c",
            "email": "a+b@example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "hostname": "example.com", "time": "09:30:00Z",
            "byte": "aGVsbG8=", "int64": "9007199254740993", "duration": "P1D",
        }.get(form)
        if fixed is None and form not in (None, "string", "password", "binary"):
            raise Skip
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        pool = [fixed] if fixed is not None else list(TEXTS) if plain else TEXTS + LINES + [""]
        if fixed is None and not plain and chance.random() < 0.02:
            pool = ["x" * 3000]
        chance.shuffle(pool)
        pool += ["abc", "ABC", "1", "12345", "abcdefgh", "a-b", "x" * max(low, 1), "1" * max(low, 1)]
        for text in pool:
            text = text if len(text) >= low or fixed else text + "z" * (low - len(text))
            if len(text) < low or high is not None and len(text) > high or plain and not text:
                continue
            try:
                if "pattern" in schema and not re.search(schema["pattern"], text):
                    continue
            except re.error:
                raise Skip
            return text
        raise Skip

    def make_array(self, schema, depth, plain):
        if depth > MAX_DEPTH:
            raise Skip
        low, high = schema.get("minItems", 0), schema.get("maxItems", 3)
        high = min(high, max(3, low))
        count = self.chance.randint(low, high) if high >= low else low
        if schema.get("uniqueItems"):
            count = min(count, 1)
        if count < low:
            raise Skip
        return [self.make(schema.get("items", {"type": "string"}), depth + 1, plain) for _ in range(count)]

    def make_object(self, schema, depth, plain):
        if depth > MAX_DEPTH:
            raise Skip
        out, required = {}, schema.get("required", [])
        for name, below in schema.get("properties", {}).items():
            is_required = name in required
            flags = self.resolve(below)
            if isinstance(flags, dict) and flags.get("readOnly"):
                if is_required:
                    raise Skip
                continue
            if not is_required and self.chance.random() < 0.5:
                continue
            try:
                out[name] = self.make(below, depth + 1, plain)
            except Skip:
                if is_required:
                    raise
        if any(name not in out for name in required):
            raise Skip
        if schema.get("maxProperties") is not None and len(out) > schema["maxProperties"]:
            raise Skip
        more = schema.get("additionalProperties")
        if not plain and isinstance(more, dict) and not more.get("$ref") and self.chance.random() < 0.3:
            out["own key/1"] = self.make(more, depth + 1, plain)
        return out


def encoded(text):
    """Percent-encodes all but the unreserved characters of RFC 3986."""
    return "".join(chr(byte) if chr(byte) in UNRESERVED else f"%{byte:02X}" for byte in text.encode())


UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def text_of(value):
    return "" if value is None else str(value) if isinstance(value, str) else dump(value)


def flat(value):
    """Whether RFC 6570 knows how to write it."""
    items = value if isinstance(value, list) else value.values() if isinstance(value, dict) else []
    return not any(isinstance(item, (list, dict)) for item in items)


def expand(name, style, explode, value, write):
    """The styles simple, label and matrix."""
    if isinstance(value, list):
        items = [write(text_of(item)) for item in value]
    elif isinstance(value, dict):
        pairs = [(write(key), write(text_of(item))) for key, item in value.items()]
        items = ["=".join(pair) for pair in pairs] if explode else [part for pair in pairs for part in pair]
    else:
        items = [write(text_of(value))]
    if not items:
        raise Skip
    if style == "label":
        return "." + (("." if explode else ",").join(items))
    if style == "matrix":
        if explode and isinstance(value, dict):
            return "".join(";" + item for item in items)
        if explode and isinstance(value, list):
            return "".join(f";{encoded(name)}={item}" for item in items)
        return f";{encoded(name)}={','.join(items)}"
    return ",".join(items)


def query(name, style, explode, value, write=encoded):
    if style == "deepObject":
        if not isinstance(value, dict):
            raise Skip
        return [f"{encoded(f'{name}[{key}]')}={write(text_of(item))}" for key, item in value.items()]
    if isinstance(value, list):
        items = [write(text_of(item)) for item in value]
        if explode:
            return [f"{encoded(name)}={item}" for item in items]
    elif isinstance(value, dict):
        if explode:
            return [f"{encoded(key)}={write(text_of(item))}" for key, item in value.items()]
        items = [write(part) for key, item in value.items() for part in (key, text_of(item))]
    else:
        return [f"{encoded(name)}={write(text_of(value))}"]
    between = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(style, ",")
    return [f"{encoded(name)}={between.join(items)}"] if items else []


class Calls:
    """Makes the calls of a document."""

    def __init__(self, document, table, chance):
        self.document, self.table, self.chance = document, table, chance
        self.make = Maker(document, chance)

    def operations(self):
        """Commands with their operations, found by method and path."""
        for command, entry in self.table.items():
            item = self.document.get("paths", {}).get(entry["path"])
            operation = item.get(entry["method"].lower()) if isinstance(item, dict) else None
            if operation and "$ref" not in item and not entry.get("server") and not entry.get("refused"):
                yield command, entry, item, operation

    def parameters(self, item, operation):
        found = {}
        for parameter in item.get("parameters", []) + operation.get("parameters", []):
            parameter = self.make.resolve(parameter)
            if not (parameter["in"] == "header" and parameter["name"].lower() in IGNORED_HEADERS):
                found[(parameter["in"], parameter["name"])] = parameter
        return found.values()

    def call(self, command, entry, item, operation):
        params, expected = {}, {"query": [], "headers": {}, "cookies": []}
        path = entry["path"]
        keys = {(param["in"], param["name"]): param["key"] for param in entry.get("params", [])}
        for parameter in self.parameters(item, operation):
            where, name = parameter["in"], parameter["name"]
            if not parameter.get("required") and self.chance.random() < 0.5 and where != "path":
                continue
            try:
                value, written = self.parameter(parameter, where)
            except Skip:
                if parameter.get("required") or where == "path":
                    raise
                continue
            if where == "path" and "{" + name + "}" not in path:
                continue
            if where == "header" and name.lower().startswith("x-amz-") and (where, name) not in keys:
                # The signature sends these.
                continue
            if (where, name) not in keys:
                raise LookupError(f"the table has no param for {where} {name}")
            if keys[(where, name)] in params:
                raise LookupError(f"two params have the key {keys[(where, name)]}")
            params[keys[(where, name)]] = value
            if where == "path":
                path = path.replace("{" + name + "}", written)
            elif where == "query":
                expected["query"] += written
            elif where == "header" and name.lower() == "cookie":
                expected["cookies"].insert(0, written)
            elif where == "header":
                expected["headers"][name.lower()] = written
            elif where == "cookie":
                expected["cookies"] += written
            else:
                raise Skip
        if re.search("[^!-~]|[<>{}\"\\\\^`|]", path) or any(step in (".", "..") for step in path.split("/")) or "?" in path or "#" in path:
            raise Skip
        expected["target"] = path + ("?" + "&".join(expected["query"]) if expected["query"] else "")
        del expected["query"]
        body = operation.get("requestBody")
        if body is not None:
            self.body(self.make.resolve(body), entry, params, expected)
        return {"command": command, "params": params, "expected": expected}

    def parameter(self, parameter, where):
        """A value, and what becomes of it."""
        if "content" in parameter:
            media, content = next(iter(parameter["content"].items()))
            if not re.fullmatch(r"application/(.*\+)?json", media.split(";")[0].strip()):
                raise Skip
            value = self.make.make(content.get("schema", {}), 0, where != "query")
            write = encoded if where != "header" else str
            if where == "cookie" or not dump(value).isascii() and where == "header":
                raise Skip
            written = write(dump(value))
            return value, written if where in ("path", "header") else [f"{encoded(parameter['name'])}={written}"]
        value = self.make.make(parameter.get("schema", {}), 0, True)
        if not flat(value) or parameter.get("allowReserved") or value in ([], {}):
            raise Skip
        name = parameter["name"]
        style = parameter.get("style") or {"query": "form", "cookie": "form"}.get(where, "simple")
        explode = parameter.get("explode", style in ("form", "cookie"))
        if where == "query":
            return value, query(name, style, explode, value)
        if where == "cookie":
            return value, query(name, "form", explode, value)
        if where == "header":
            written = expand(name, "simple", explode, value, str)
            if not all(" " <= letter <= "~" for letter in written) or written != written.strip() or not written:
                raise Skip
            return value, written
        written = expand(name, style, explode, value, encoded)
        if not written or written in (".", ".."):
            raise Skip
        return value, written

    def body(self, body, entry, params, expected):
        table = entry.get("body")
        if table is None:
            if body.get("content"):
                raise LookupError("the table has no body")
            return
        media = table["type"]
        content = next((item for name, item in body["content"].items() if name.split(";")[0].strip().lower() == media.split(";")[0].strip().lower()), None)
        if content is None:
            raise LookupError(f"the body has no {media}")
        is_required = body.get("required", False)
        if not is_required and self.chance.random() < 0.3:
            expected["body"] = None
            return
        way = table["kind"]
        value = self.make.make(content.get("schema", {}), 0, False) if way in ("json", "form", "multipart") else None
        if way == "text":
            value = self.chance.choice(TEXTS + LINES)
        if way == "bytes":
            value = base64.b64encode(bytes([0, 255, 10, 13, 128])).decode()
        if way in ("form", "multipart") and not isinstance(value, dict):
            raise Skip
        if table.get("key"):
            if value is None and not is_required:
                raise Skip
            self.put(params, table["key"], value)
        else:
            if not isinstance(value, dict):
                raise Skip
            fields = {field["name"]: field["key"] for field in table.get("fields", [])}
            for name, part in value.items():
                if name in fields:
                    self.put(params, fields[name], part)
                elif table.get("open"):
                    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name in params or name in fields.values():
                        raise Skip
                    self.put(params, name, part)
                else:
                    raise LookupError(f"the table has no param for {name} of the body")
            if not value and not is_required:
                raise Skip
        expected["body"] = self.written(way, media, value, content)
        if not is_required and [] in (expected["body"].get("pairs"), expected["body"].get("parts")):
            expected["body"] = None

    @staticmethod
    def put(params, key, value):
        if key in params:
            raise LookupError(f"two params have the key {key}")
        params[key] = value

    def written(self, way, media, value, content):
        if way == "json":
            return {"type": media, "json": value}
        if way == "text":
            return {"type": media, "text": value}
        if way == "bytes":
            return {"type": media, "base64": value}
        encoding = content.get("encoding", {})
        schema = self.make.resolve(content.get("schema", {}))
        parts = []
        for name, part in value.items():
            if part is None or part == []:
                continue
            how = encoding.get(name, {})
            if how.get("headers") or how.get("allowReserved"):
                raise Skip
            if way == "form":
                parts += self.form(name, part, how)
                continue
            property = schema.get("properties", {}).get(name)
            if property is None or "style" in how or "explode" in how:
                raise Skip
            items = part if isinstance(part, list) else [part]
            below = self.make.resolve(property)
            below = self.make.resolve(below.get("items", {})) if isinstance(part, list) else below
            for item in items:
                if item is None or isinstance(item, list):
                    raise Skip
                is_file = below.get("format") in ("binary", "byte") or "contentMediaType" in below or "contentEncoding" in below
                if is_file:
                    raise Skip
                parts.append({"name": name, "text": text_of(item), "type": how.get("contentType") or ("application/json" if isinstance(item, dict) else None)})
        return {"type": media, "parts" if way == "multipart" else "pairs": parts}

    @staticmethod
    def form(name, part, how):
        if "style" in how or "explode" in how:
            raise Skip
        if "contentType" in how and "json" in how["contentType"]:
            return [[name, dump(part)]]
        if isinstance(part, list):
            if any(isinstance(item, list) for item in part):
                raise Skip
            return [[name, text_of(item)] for item in part if item is not None]
        return [[name, dump(part) if isinstance(part, dict) else text_of(part)]]


def main():
    document, table, seed, count = sys.argv[1:]
    with open(document, encoding="utf-8") as file:
        document = json.load(file, parse_float=lambda text: float(text))
    with open(table, encoding="utf-8") as file:
        table = json.load(file)
    chance = random.Random(int(seed))
    calls = Calls(document, table, chance)
    operations = list(calls.operations())
    made = 0
    for _ in range(int(count) * 4):
        if not operations or made == int(count):
            break
        operation = chance.choice(operations)
        try:
            call = calls.call(*operation)
        except Skip:
            continue
        except LookupError as error:
            call = {"command": operation[0], "wrong": str(error)}
        made += 1
        sys.stdout.write(dump(call) + "\n")


if __name__ == "__main__":
    main()
