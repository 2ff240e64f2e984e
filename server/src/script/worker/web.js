// What few scripts need, run when one of its names is used first: the web platform's URL, TextEncoder and so on, and
// dates by locale. It runs in the script's own realm, after the script has begun; it knows nothing that a
// script does not, and reaches the worker by the same functions. What things mean is decided in Rust.
(function (util, known, named, set) {
  'use strict';
  const { isArray } = Array;
  const { isView } = ArrayBuffer;
  const error = (Type, name, message) => set(new Type(message), 'name', name);
  const text = (value) => `${value}`;

  class URLSearchParams {
    #list = [];
    #changed;

    constructor(init = '') {
      if (typeof init === 'object' && init !== null) {
        if (typeof init[Symbol.iterator] === 'function') {
          for (const pair of init) {
            const both = [...pair];
            if (both.length !== 2) throw new TypeError('URLSearchParams takes pairs of a name and a value');
            this.append(both[0], both[1]);
          }
        } else {
          for (const name of Object.keys(init)) this.append(name, init[name]);
        }
      } else {
        const query = text(init);
        this.#list = util('url.pairs', query.startsWith('?') ? query.slice(1) : query);
      }
    }

    static isParams(value) {
      return typeof value === 'object' && value !== null && #list in value;
    }
    /** Ties the pairs to a URL: both change together. */
    static tie(params, changed) {
      params.#changed = changed;
      return (query) => {
        params.#list = util('url.pairs', query.slice(1));
      };
    }

    #update(list) {
      this.#list = list;
      if (this.#changed !== undefined) this.#changed(this.toString());
    }
    #filter(keep) {
      const list = [];
      for (let i = 0; i < this.#list.length; i += 2) {
        if (keep(this.#list[i], this.#list[i + 1])) list.push(this.#list[i], this.#list[i + 1]);
      }
      return list;
    }

    get size() {
      return this.#list.length / 2;
    }
    append(name, value) {
      this.#update([...this.#list, text(name), text(value)]);
    }
    delete(name, value) {
      this.#update(this.#filter((own, its) => own !== text(name) || (value !== undefined && its !== text(value))));
    }
    get(name) {
      const found = this.getAll(name);
      return found.length === 0 ? null : found[0];
    }
    getAll(name) {
      const wanted = text(name);
      const found = this.#filter((own) => own === wanted);
      return found.filter((_, at) => at % 2 === 1);
    }
    has(name, value) {
      const found = this.getAll(name);
      return value === undefined ? found.length > 0 : found.includes(text(value));
    }
    set(name, value) {
      const wanted = text(name);
      let done = false;
      const list = [];
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] !== wanted) list.push(this.#list[i], this.#list[i + 1]);
        else if (!done) done = list.push(wanted, text(value)) > 0;
      }
      if (!done) list.push(wanted, text(value));
      this.#update(list);
    }
    sort() {
      const all = [...this.entries()].sort((one, other) => (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0));
      this.#update(all.flat());
    }
    forEach(callback, self) {
      for (const [name, value] of this) callback.call(self, value, name, this);
    }
    *entries() {
      for (let i = 0; i < this.#list.length; i += 2) yield [this.#list[i], this.#list[i + 1]];
    }
    *keys() {
      for (const [name] of this.entries()) yield name;
    }
    *values() {
      for (const [, value] of this.entries()) yield value;
    }
    [Symbol.iterator]() {
      return this.entries();
    }
    toString() {
      return util('url.query', this.#list);
    }
    get [Symbol.toStringTag]() {
      return 'URLSearchParams';
    }
  }
  const { isParams, tie } = URLSearchParams;
  delete URLSearchParams.isParams;
  delete URLSearchParams.tie;

  const parse = (url, base) => util('url.parse', text(url), base === undefined ? undefined : text(base));
  class URL {
    #parts;
    #params;
    #reread;

    constructor(url, base) {
      this.#parts = parse(url, base);
      if (this.#parts === null) throw set(new TypeError('Invalid URL'), 'code', 'ERR_INVALID_URL');
    }
    static canParse(url, base) {
      return parse(url, base) !== null;
    }
    static parse(url, base) {
      return parse(url, base) === null ? null : new URL(url, base);
    }
    static define(part, at) {
      Object.defineProperty(URL.prototype, part, {
        get() {
          return this.#parts[at];
        },
        set(value) {
          this.#change(part, text(value));
        },
        configurable: true,
        enumerable: true,
      });
    }
    #change(part, value) {
      const parts = util('url.set', this.#parts[0], part, value);
      if (parts !== null) this.#parts = parts;
      if (this.#reread !== undefined) this.#reread(this.#parts[9]);
    }

    get href() {
      return this.#parts[0];
    }
    set href(value) {
      const parts = parse(value);
      if (parts === null) throw new TypeError('Invalid URL');
      this.#parts = parts;
      if (this.#reread !== undefined) this.#reread(parts[9]);
    }
    get origin() {
      return this.#parts[1];
    }
    get searchParams() {
      if (this.#params === undefined) {
        this.#params = new URLSearchParams(this.#parts[9]);
        this.#reread = tie(this.#params, (query) => {
          this.#parts = util('url.set', this.#parts[0], 'search', query) ?? this.#parts;
        });
      }
      return this.#params;
    }
    toString() {
      return this.#parts[0];
    }
    toJSON() {
      return this.#parts[0];
    }
    get [Symbol.toStringTag]() {
      return 'URL';
    }
  }
  ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']
    .forEach((part, at) => URL.define(part, at + 2));
  delete URL.define;

  class TextEncoder {
    get encoding() {
      return 'utf-8';
    }
    encode(source = '') {
      return util('web.TextEncoder.encode', text(source));
    }
    encodeInto(source, destination) {
      if (!(destination instanceof Uint8Array)) throw new TypeError('encodeInto writes into a Uint8Array');
      let read = 0;
      let written = 0;
      for (const character of text(source)) {
        const bytes = this.encode(character);
        if (written + bytes.length > destination.length) break;
        destination.set(bytes, written);
        written += bytes.length;
        read += character.length;
      }
      return { read, written };
    }
  }

  const bytesOf = (input) =>
    isView(input) && !(input instanceof Uint8Array) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : input;
  const DECODER = named('fatal', 'ignoreBOM');
  const DECODE = named('stream');
  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;

    constructor(label = 'utf-8', options = {}) {
      known('TextDecoder', options, DECODER);
      this.#encoding = util('web.TextDecoder.label', text(label));
      this.#fatal = Boolean(options.fatal);
      this.#ignoreBOM = Boolean(options.ignoreBOM);
    }
    get encoding() {
      return this.#encoding;
    }
    get fatal() {
      return this.#fatal;
    }
    get ignoreBOM() {
      return this.#ignoreBOM;
    }
    decode(input, options = {}) {
      if (known('TextDecoder.decode', options, DECODE).stream) {
        throw new TypeError('TextDecoder does not decode in pieces here; decode all bytes at once');
      }
      if (input === undefined) return '';
      return util('web.TextDecoder.decode', this.#encoding, bytesOf(input), this.#fatal, this.#ignoreBOM);
    }
  }

  const coded = (name) => (data) => {
    try {
      return util('web.' + name, text(data));
    } catch (failure) {
      throw failure instanceof RangeError ? failure : error(Error, 'InvalidCharacterError', failure.message);
    }
  };
  const atob = { atob: (data) => coded('atob')(data) }.atob;
  const btoa = { btoa: (data) => coded('btoa')(data) }.btoa;

  const refusesToClone = (what) => error(Error, 'DataCloneError', `${what} cannot be cloned`);
  const brand = (read) => (value) => {
    try {
      read(value);
      return true;
    } catch {
      return false;
    }
  };
  const getter = (prototype, name) => Function.prototype.call.bind(Object.getOwnPropertyDescriptor(prototype, name).get);
  const method = (prototype, name) => Function.prototype.call.bind(prototype[name]);
  const timeOf = method(Date.prototype, 'getTime');
  const isDate = brand(timeOf);
  const isMap = brand(getter(Map.prototype, 'size'));
  const isSet = brand(getter(Set.prototype, 'size'));
  const isBuffer = brand(getter(ArrayBuffer.prototype, 'byteLength'));
  const isRegExp = brand(getter(RegExp.prototype, 'source'));
  const boxed = [method(Number.prototype, 'valueOf'), method(String.prototype, 'valueOf'), method(Boolean.prototype, 'valueOf'), method(BigInt.prototype, 'valueOf')];
  const ERRORS = { __proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  const clone = (value, seen) => {
    if (typeof value === 'function' || typeof value === 'symbol') throw refusesToClone(`a ${typeof value}`);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => {
      seen.set(value, copy);
      return copy;
    };
    const members = (copy) => {
      for (const key of Object.keys(value)) {
        Object.defineProperty(copy, key, { __proto__: null, value: clone(value[key], seen), writable: true, enumerable: true, configurable: true });
      }
      return copy;
    };
    if (isArray(value)) return members(keep(new Array(value.length)));
    if (isDate(value)) return keep(new Date(timeOf(value)));
    if (isMap(value)) {
      const copy = keep(new Map());
      for (const [key, item] of [...value]) copy.set(clone(key, seen), clone(item, seen));
      return copy;
    }
    if (isSet(value)) {
      const copy = keep(new Set());
      for (const item of [...value]) copy.add(clone(item, seen));
      return copy;
    }
    if (isBuffer(value)) return keep(value.slice(0));
    if (isView(value)) {
      const buffer = clone(value.buffer, seen);
      const Type = value instanceof DataView ? DataView : Object.getPrototypeOf(value).constructor;
      return keep(new Type(buffer, value.byteOffset, Type === DataView ? value.byteLength : value.length));
    }
    if (value instanceof RegExp && isRegExp(value)) return keep(new RegExp(value.source, value.flags));
    if (value instanceof Error) {
      const copy = keep(new (ERRORS[value.name] ?? Error)(value.message));
      if ('stack' in value) set(copy, 'stack', text(value.stack));
      if ('cause' in value) set(copy, 'cause', clone(value.cause, seen));
      return copy;
    }
    for (const read of boxed) if (brand(read)(value)) return keep(Object(read(value)));
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) throw refusesToClone('such an object');
    return members(keep({}));
  };
  const CLONE = named('transfer');
  const structuredClone = { structuredClone: (value, options = {}) => {
    const { transfer = [] } = known('structuredClone', options, CLONE);
    if ([...transfer].length > 0) throw refusesToClone('with transfer, a value');
    return clone(value, new Map());
  } }.structuredClone;

  // Pairs in their order, as headers and queries may be given.
  const inOrder = (params) => [...params];

  // Dates and numbers by locale.
  const flat = (options) => {
    const list = [];
    if (options === undefined) return list;
    if (typeof options !== 'object' || options === null) throw new TypeError('options are an object: { name: value }');
    for (const name of Object.keys(options)) if (options[name] !== undefined) list.push(name, text(options[name]));
    return list;
  };
  const localeOf = (locales) => (isArray(locales) ? locales[0] : locales);
  const moment = (value) => (typeof value === 'string' ? Date.parse(value) : isDate(value) ? timeOf(value) : value);
  const format = (value, options = {}) => {
    const { locale, ...others } = options;
    return util('date.format', moment(value), localeOf(locale), flat(others), 'any');
  };
  const localeDate = (value, [locales, options], parts) => util('date.format', timeOf(value), localeOf(locales), flat(options), parts);
  const localeNumber = (value, [locales, options]) => util('date.number', boxed[0](value), localeOf(locales), flat(options));
  const refuse = (what) => {
    throw new RangeError(`${what} takes no locale and no options here, as there is no Intl`);
  };
  const localeCase = (value, [locales], plain) => {
    if (/^(tr|az|lt|el)\b/i.test(text(localeOf(locales)))) refuse('a change of case by the rules of this language');
    return plain.call(value);
  };
  // The methods of the language that take a locale; `of` names one.
  const localised = (of, value, args, plain) => {
    switch (of) {
      case 'Date.toLocaleString': return localeDate(value, args, 'any');
      case 'Date.toLocaleDateString': return localeDate(value, args, 'date');
      case 'Date.toLocaleTimeString': return localeDate(value, args, 'time');
      case 'Number.toLocaleString': return localeNumber(value, args);
      case 'String.toLocaleUpperCase': case 'String.toLocaleLowerCase': return localeCase(value, args, plain);
      default: return refuse(of.replace('.', '.prototype.'));
    }
  };
  const localeCompare = ([, locales, options]) => {
    if (options !== undefined) refuse('localeCompare');
    if (!/^en\b/i.test(text(localeOf(locales)))) refuse('localeCompare');
  };

  return {
    URL, URLSearchParams, TextEncoder, TextDecoder, atob, btoa, structuredClone, parse, isParams, inOrder,
    format, moment, localised, localeCompare,
  };
})
