// What a script finds when it starts: `floh`, `console`, and nothing that reaches outside or sideways.
// Runs before the script in the same realm, so everything that it needs later is taken here, while it is
// still the engine's own. It answers the functions that the worker itself needs.
(function (host, given, idempotencyKey, mark) {
  'use strict';
  const { freeze, defineProperty, hasOwn } = Object;
  const { String, Error, Proxy, BigInt } = globalThis;
  const { parse, stringify } = JSON;
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const lower = uncurry(String.prototype.toLowerCase);
  const slice = uncurry(String.prototype.slice);
  const startsWith = uncurry(String.prototype.startsWith);
  const replace = uncurry(String.prototype.replace);
  const digits = uncurry(BigInt.prototype.toString);
  const wellFormed = uncurry(String.prototype.toWellFormed);
  const iso = uncurry(Date.prototype.toISOString);
  const time = uncurry(Date.prototype.getTime);

  delete globalThis.Atomics;
  delete globalThis.SharedArrayBuffer;
  delete globalThis.queueMicrotask;
  delete globalThis.performance;

  const folded = (target, name) => {
    if (typeof name !== 'string' || hasOwn(target, name)) return name;
    const small = lower(name);
    return hasOwn(target, small) ? small : name;
  };
  const anyCase = {
    __proto__: null,
    get: (target, name) => target[folded(target, name)],
    has: (target, name) => folded(target, name) in target,
  };
  const set = (target, name, value) =>
    defineProperty(target, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });

  // Whatever was thrown, as four short texts: name, message, code, stack.
  const describe = (thrown, most) => {
    const read = (name) => {
      try {
        const value = thrown[name];
        return typeof value === 'string' ? slice(value, 0, most) : typeof value === 'number' ? `${value}` : '';
      } catch {
        return '';
      }
    };
    if ((typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function') {
      return [read('name'), read('message'), read('code'), read('stack')];
    }
    return ['', slice(String(thrown), 0, most), '', ''];
  };
  const date = (value) => {
    const at = time(value);
    return at === at ? iso(value) : null;
  };
  // JSON whose whole numbers beyond 2^53 are texts that start with a mark.
  const exact = (text, mark) => parse(text, (key, value) =>
    typeof value === 'string' && startsWith(value, mark) ? BigInt(slice(value, mark.length)) : value);
  const data = mark === undefined ? given : exact(given, mark);

  // `JSON.stringify` writes a BigInt as the number that it is.
  const own = `bigint-${Math.random()}:`;
  const written = new RegExp(`"${own}(-?[0-9]+)"`, 'g');
  set(BigInt.prototype, 'toJSON', function () { return own + digits(this); });
  set(JSON, 'stringify', (...args) => {
    const text = stringify(...args);
    return typeof text === 'string' ? replace(text, written, '$1') : text;
  });

  // The worker reads what it is given with these.
  const tools = [describe, date, wellFormed, digits, exact];
  const log = (level, parts) => host.log(tools, level, parts);
  const util = (what, text, encoding, key) => host.util(tools, what, text, encoding, key);

  // What the server answered, or thrown why it did not.
  const answered = (reply) => {
    if (reply.code === undefined) return reply;
    const error = new Error(reply.message);
    set(error, 'name', 'HttpError');
    set(error, 'code', reply.code);
    throw error;
  };
  const send = (method, url, headers, kind, body, query, timeoutMs) => {
    const reply = answered(host.http(tools, String(method), String(url), headers, kind, body, query, timeoutMs));
    const { status, body: parsed, headers: received, text, base64 } = reply;
    const answer = { status, body: parsed, headers: new Proxy(received, anyCase), text };
    return base64 === undefined ? answer : { ...answer, base64 };
  };

  const coder = (name) => {
    const encode = (text) => util(name + '.encode', text);
    encode.encode = encode;
    encode.decode = (text) => util(name + '.decode', text);
    return freeze(encode);
  };

  const define = (name, value) =>
    defineProperty(globalThis, name, { __proto__: null, value, writable: false, configurable: false, enumerable: false });

  define('floh', freeze({
    config: data.config,
    params: data.params,
    variables: data.variables,
    idempotencyKey,
    mockScenario: data.mockScenario,
    http: freeze({
      get: (url, headers) => send('GET', url, headers, 'none'),
      post: (url, body, headers) => send('POST', url, headers, 'any', body),
      put: (url, body, headers) => send('PUT', url, headers, 'any', body),
      patch: (url, body, headers) => send('PATCH', url, headers, 'any', body),
      delete: (url, headers) => send('DELETE', url, headers, 'none'),
      head: (url, headers) => send('HEAD', url, headers, 'none'),
      request: (options) => {
        const { method = 'GET', url, query, headers, json, form, parts, body, timeoutMs } = options;
        const kind = json !== undefined ? 'json' : form !== undefined ? 'form' : parts !== undefined ? 'parts' : 'any';
        const given = { __proto__: null, json, form, parts, any: body };
        return send(method, url, headers, kind, given[kind], query, timeoutMs);
      },
    }),
    auth: freeze({
      token: (options, renew) => {
        // `scope` is the name on the wire.
        const { tokenUrl, openIdConnectUrl, clientId, clientSecret, scope, scopes = scope, audience, resource, style } = options;
        return answered(host.token(
          tools, tokenUrl, openIdConnectUrl, clientId, clientSecret, scopes, audience, resource, style, renew === true,
        )).token;
      },
    }),
    operation: (name, params) => answered(host.operation(tools, String(name), params)).result,
    log: freeze({
      trace: (...parts) => log(0, parts),
      debug: (...parts) => log(1, parts),
      info: (...parts) => log(2, parts),
      warn: (...parts) => log(3, parts),
      error: (...parts) => log(4, parts),
    }),
    util: freeze({
      base64: coder('base64'),
      hex: coder('hex'),
      sha256: (text, encoding) => util('sha256', text, encoding),
      hmacSha256: (key, text, encoding) => util('hmacSha256', text, encoding, key),
      uuid: () => util('uuid'),
    }),
  }));
  const line = (level) => (...parts) => log(level, parts);
  define('console', freeze({ log: line(2), info: line(2), debug: line(1), warn: line(3), error: line(4), trace: line(0) }));

  return tools;
})
