// What a script finds when it starts: `floh`, `console`, and nothing that reaches outside or sideways.
// Runs before the script in the same realm, so everything that it needs later is taken here, while it is
// still the engine's own. A worker runs it once, and each run finds the realm as this left it: it answers the function
// that starts a run, which gives the script its data and answers the functions that the worker itself needs.
(function (host) {
  'use strict';
  const { freeze, defineProperty, hasOwn, keys } = Object;
  const { String, Number, BigInt, Error, TypeError, Proxy, RegExp, Uint8Array } = globalThis;
  const { parse, stringify } = JSON;
  const { isArray } = Array;
  const now = Date.now;
  const scope = globalThis;
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const lower = uncurry(String.prototype.toLowerCase);
  const slice = uncurry(String.prototype.slice);
  const call = uncurry(Function.prototype.call);
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

  // `JSON.stringify` writes a BigInt as the number that it is. A replacer sees the BigInt.
  let own;
  // Made for the first BigInt that is written: most runs write none.
  let written;
  const marked = (value) => {
    if (typeof value !== 'bigint') return value;
    written ??= new RegExp(`"${own}(-?[0-9]+)"`, 'g');
    return own + digits(value);
  };
  set(BigInt.prototype, 'toJSON', function () { return marked(this); });
  set(JSON, 'stringify', (value, replacer, space) => {
    const seen = typeof replacer !== 'function' ? replacer : function (key, given) {
      const held = typeof given === 'string' && startsWith(given, own) ? this[key] : given;
      return marked(call(replacer, this, key, typeof held === 'bigint' ? held : given));
    };
    const text = stringify(value, seen, space);
    return written !== undefined && typeof text === 'string' ? replace(text, written, '$1') : text;
  });

  // Timers run when nothing else is left to do, the earliest first; the worker calls this until there are none.
  let timers = [], lastTimer = 0;
  const fire = (count) => {
    if (count === true) return timers.length > 0;
    if (timers.length === 0) return false;
    let at = 0;
    for (let i = 1; i < timers.length; i++) if (timers[i].due < timers[at].due) at = i;
    const timer = timers[at];
    const wait = timer.due - now();
    pause(wait);
    const left = [];
    for (let i = 0; i < timers.length; i++) if (i !== at) left[left.length] = timers[i];
    timers = left;
    timer.run();
    return true;
  };
  // The worker reads what it is given with these.
  const tools = [describe, date, wellFormed, digits, exact, fire];
  const log = (level, parts) => host.log(tools, level, parts);
  const util = (what, ...args) => host.util(tools, what, ...args);

  // What the server answered, or thrown why it did not.
  const answered = (reply) => {
    if (reply.code === undefined) return reply;
    const error = new Error(reply.message);
    set(error, 'name', 'HttpError');
    set(error, 'code', reply.code);
    if (reply.outcome !== undefined) set(error, 'outcome', reply.outcome);
    if (reply.status !== undefined) set(error, 'status', reply.status);
    throw error;
  };
  // An option that is not known would be ignored, which looks as if it had worked.
  const known = (what, options, names) => {
    if (typeof options !== 'object' || options === null || isArray(options)) {
      throw new TypeError(`the options of ${what} are an object: { name: value }`);
    }
    const given = keys(options);
    for (let i = 0; i < given.length; i++) if (!(given[i] in names)) host.unknown(tools, what, given[i], keys(names));
    return options;
  };
  const named = (...list) => {
    const names = { __proto__: null };
    for (let i = 0; i < list.length; i++) names[list[i]] = true;
    return names;
  };
  const whole = (what, value, least, most) => {
    if (typeof value !== 'number' || value % 1 !== 0 || value < least || value > most) {
      throw new TypeError(`${what} is a whole number from ${least} to ${most}`);
    }
    return value;
  };
  const milliseconds = (what, value) => {
    if (value === undefined || value === null) return undefined;
    const ms = typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : -1;
    if (!(ms >= 0)) throw new TypeError(`${what} is a number of milliseconds`);
    return ms;
  };
  const pause = (ms) => { if (ms > 0) answered(host.sleep(tools, ms)); };
  const RETRY = named('attempts', 'firstWaitMs', 'maxWaitMs', 'maxRetryAfterMs', 'evenIfNotIdempotent');
  const retries = (retry) => {
    if (retry === undefined || retry === null || retry === false) return undefined;
    const given = retry === true ? NONE : typeof retry === 'number' ? { __proto__: null, attempts: retry + 1 } : known('retry', retry, RETRY);
    const { attempts = 4, firstWaitMs = 250, maxWaitMs = 10000, maxRetryAfterMs = 30000, evenIfNotIdempotent = false } = given;
    return [
      whole('retry.attempts (how often it is sent in all)', attempts, 1, 10) - 1,
      whole('retry.firstWaitMs', firstWaitMs, 1, 300000), whole('retry.maxWaitMs', maxWaitMs, 1, 300000),
      whole('retry.maxRetryAfterMs', maxRetryAfterMs, 0, 300000), evenIfNotIdempotent === true ? 1 : 0,
    ];
  };
  // What a script adds to all objects is no option.
  const NONE = freeze({ __proto__: null });
  // URLSearchParams as a list of pairs: their order counts in what is signed.
  const pairs = (value) => (web !== undefined && web.isParams(value) ? web.inOrder(value) : value);
  const send = (method, url, headers, kind, body, { query, retry, timeoutMs } = NONE) => {
    if (kind === 'any' && web !== undefined && web.isParams(body)) kind = 'form';
    const reply = answered(host.http(
      tools, String(method), String(url), pairs(headers), kind, kind === 'form' ? pairs(body) : body, pairs(query),
      milliseconds('timeoutMs', timeoutMs), retries(retry),
    ));
    const { status, body: parsed, headers: received, text, base64, raw, next } = reply;
    const answer = { status, body: parsed, headers: new Proxy(received, anyCase), text };
    if (base64 !== undefined) answer.base64 = base64;
    set(answer, 'bytes', () => (raw === undefined ? util('web.TextEncoder.encode', text) : new Uint8Array(raw)));
    if (next !== undefined) links.set(answer, next);
    return answer;
  };
  const MORE = named('query', 'retry', 'timeoutMs');
  const more = (verb, options) => (options === undefined || options === null ? NONE : known('floh.http.' + verb, options, MORE));
  const BODIES = ['json', 'form', 'parts', 'multipart', 'body'];
  const OPTIONS = named('method', 'url', 'query', 'headers', 'json', 'form', 'parts', 'multipart', 'body', 'retry', 'timeoutMs');
  const request = (options) => {
    const { method = 'GET', url, headers } = options;
    let kind = 'body';
    for (let i = 0, given = 0; i < BODIES.length; i++) {
      if (options[BODIES[i]] === undefined) continue;
      if (given++) throw new TypeError(`a request has one body: ${kind} or ${BODIES[i]}, not both`);
      kind = BODIES[i];
    }
    return send(method, url, headers, kind === 'body' ? 'any' : kind, options[kind], options);
  };

  const define = (name, value) =>
    defineProperty(globalThis, name, { __proto__: null, value, writable: false, configurable: false, enumerable: false });

  // `floh` has its place among the globals from here on, and its value once a run starts.
  defineProperty(scope, 'floh', { __proto__: null, value: undefined, writable: false, configurable: true, enumerable: false });
  const fixed = {
    http: freeze({
      get: (url, headers, options) => send('GET', url, headers, 'none', undefined, more('get', options)),
      post: (url, body, headers, options) => send('POST', url, headers, 'any', body, more('post', options)),
      put: (url, body, headers, options) => send('PUT', url, headers, 'any', body, more('put', options)),
      patch: (url, body, headers, options) => send('PATCH', url, headers, 'any', body, more('patch', options)),
      delete: (url, headers, options) => send('DELETE', url, headers, 'none', undefined, more('delete', options)),
      head: (url, headers, options) => send('HEAD', url, headers, 'none', undefined, more('head', options)),
      request: (options) => request(known('floh.http.request', options, OPTIONS)),
      paginate: (options) => paginate(options),
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
  };
  // What few scripts need is a part of its own, which runs at first use.
  const links = new WeakMap();
  links.set = uncurry(WeakMap.prototype.set).bind(undefined, links);
  links.get = uncurry(WeakMap.prototype.get).bind(undefined, links);
  let web, made;
  const utilities = () => (made ??= host.utilities()(util, lazy, milliseconds, pause, freeze));
  const lazy = () => (web ??= host.web()(util, known, named, set));
  let paging;
  const paginate = (options) => (paging ??= host.paging()(request, known, named, whole, links, set, lazy()))(options);
  const LAZY = ['URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'atob', 'btoa', 'structuredClone'];
  for (let i = 0; i < LAZY.length; i++) {
    const name = LAZY[i];
    defineProperty(scope, name, {
      __proto__: null,
      get: () => lazy()[name],
      // A script may have a function of its own by this name.
      set: (value) => set(scope, name, value),
      configurable: true,
      enumerable: false,
    });
  }
  set(scope, 'setTimeout', function setTimeout(callback, ms, ...args) {
    if (typeof callback !== 'function') {
      throw new TypeError('setTimeout calls a function; to wait, use floh.util.sleep(ms), or await new Promise(function (done) { setTimeout(done, ms); })');
    }
    if (timers.length >= 1000) throw new TypeError('there are 1,000 timers already; await some of them first');
    const wait = Number(ms) < Infinity ? Number(ms) : 0;
    const id = ++lastTimer;
    timers[timers.length] = { id, due: now() + (wait > 0 ? wait : 0), run: () => callback(...args) };
    return id;
  });
  set(scope, 'clearTimeout', function clearTimeout(id) {
    const left = [];
    for (let i = 0; i < timers.length; i++) if (timers[i].id !== id) left[left.length] = timers[i];
    timers = left;
  });
  // The engine ignores what these are given.
  const apply = Reflect.apply;
  const localised = (type, list) => {
    const { prototype } = scope[type];
    for (let i = 0; i < list.length; i++) {
      const name = list[i], plain = prototype[name], of = `${type}.${name}`;
      set(prototype, name, { [name](...args) {
        for (let i = 0; i < args.length; i++) if (args[i] !== undefined) return lazy().localised(of, this, args, plain);
        return apply(plain, this, args);
      } }[name]);
    }
  };
  localised('Date', ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']);
  localised('Number', ['toLocaleString']);
  localised('BigInt', ['toLocaleString']);
  localised('Array', ['toLocaleString']);
  localised('String', ['toLocaleUpperCase', 'toLocaleLowerCase']);
  const compare = String.prototype.localeCompare;
  set(String.prototype, 'localeCompare', { localeCompare(...args) {
    if (args[1] !== undefined || args[2] !== undefined) lazy().localeCompare(args);
    return apply(compare, this, [args[0]]);
  } }.localeCompare);
  const line = (level) => (...parts) => log(level, parts);
  define('console', freeze({ log: line(2), info: line(2), debug: line(1), warn: line(3), error: line(4), trace: line(0) }));
  // The engine's own numbers would be the same in every run, like all that it holds.
  set(Math, 'random', host.random);

  return (given, idempotencyKey, mark, isMarked) => {
    own = `bigint-${mark}`;
    const data = isMarked ? exact(given, mark) : given;
    define('floh', freeze({
      config: data.config,
      params: data.params,
      variables: data.variables,
      idempotencyKey,
      mockScenario: data.mockScenario,
      http: fixed.http,
      auth: fixed.auth,
      operation: fixed.operation,
      log: fixed.log,
      get util() { return utilities(); },
    }));
    return tools;
  };
})
