
/** What a script finds: its connection, the call, and what it may do. */
interface Floh {
  /** The decrypted connection config. */
  readonly config: FlohConfig;
  /**
   * The params of the call, checked and with defaults, and those that the schema does not know. A changed function of an
   * import sees what was given, without defaults.
   */
  readonly params: FlohParams;
  /** What earlier steps of the run have left. */
  readonly variables: { readonly [name: string]: any };
  /** Names the call to services that must not act on it twice. */
  readonly idempotencyKey?: string;
  /** The scenario that a mock script is to answer; undefined in a real call. */
  readonly mockScenario?: string;
  readonly http: FlohHttp;
  readonly auth: FlohAuth;
  readonly log: FlohLog;
  readonly util: FlohUtil;
  /**
   * Sends an operation of an imported type, by the table at the end of its script, and returns its result. Without
   * params it sends those of the call. Other types have no operations: it throws an HttpError.
   */
  operation(name: string, params?: { readonly [name: string]: any }): FlohOperationResult;
}

/** What came of an operation. A command may return it as it is. */
interface FlohOperationResult {
  readonly success: boolean;
  readonly payload?: any;
  readonly error?: string;
  readonly diagnostics?: any;
  readonly variables?: { readonly [name: string]: any };
  /** The status of the answer, if there was one. */
  readonly status?: number;
  /** The headers of the answer, names in lower case. */
  readonly headers: FlohReceived;
}

type FlohHeaders = { [name: string]: string | number | boolean | null | undefined | Array<string | number | boolean> };

/** Headers of an answer: texts, except for cookies. */
interface FlohReceived {
  readonly "set-cookie"?: readonly string[];
  readonly [name: string]: any;
}

/** The answer of a service, whatever its status. */
interface FlohResponse {
  readonly status: number;
  /** Parsed where it is JSON, else the text; null where it is empty. */
  readonly body: any;
  /** By name, in any case. */
  readonly headers: FlohReceived;
  /** The body as it came. */
  readonly text: string;
  /** The bytes, where the body is no text: images, archives, application/octet-stream. */
  readonly base64?: string;
  /** The bytes of any body, as they came. */
  bytes(): Uint8Array;
}

/** Thrown when there is no answer: the network, the server's rules or the time. */
interface FlohHttpError extends Error {
  readonly name: "HttpError";
  readonly code: string;
  /** Set where a write left and was not answered to its end: it may have taken effect. */
  readonly outcome?: "unknown";
  /** The status of an answer of which only the head came; from `paginate`, that of the page that failed. */
  readonly status?: number;
  /** How many pages `paginate` had read. */
  readonly pages?: number;
  /** How many items `paginate` had read. */
  readonly items?: number;
}

/**
 * Sends a request again after 408, 425, 429, 500, 502, 503, 504 and connections that failed, with growing waits that
 * are drawn at random, and after the `Retry-After` that the service names. Only what may be repeated is sent again: GET,
 * HEAD, PUT, DELETE, OPTIONS, and what has a header `Idempotency-Key`. `true` stands for 4 attempts, a number for so many
 * repeats.
 */
type FlohRetry =
  | boolean
  | number
  | {
      /** How often it is sent in all: 1 to 10. */
      attempts?: number;
      /** The limit of the first wait (250); it doubles each time. */
      firstWaitMs?: number;
      /** The limit of all waits (10,000). */
      maxWaitMs?: number;
      /** The longest `Retry-After` that is waited for (30,000). A longer one ends the attempts. */
      maxRetryAfterMs?: number;
      /** Sends POST and PATCH again too: sending them twice does no harm. */
      evenIfNotIdempotent?: boolean;
    };

/** What the verbs take beside url, body and headers. Unknown names are refused. */
interface FlohMore {
  /** By name, or as pairs `[name, value]` in their order. */
  query?: FlohHeaders | Array<[string, string | number | boolean]> | URLSearchParams;
  retry?: FlohRetry;
  /** For the whole request, with all repeats; never longer than the call. */
  timeoutMs?: number;
}

type FlohBytes = Uint8Array | Uint8ClampedArray | ArrayBuffer;

/** A part of a form. One of text, json, bytes and base64. */
interface FlohPart {
  text?: string;
  json?: any;
  bytes?: FlohBytes;
  base64?: string;
  fileName?: string;
  contentType?: string;
}

type FlohPartValue = string | number | boolean | FlohBytes | FlohPart;

/** A request. It has one body at most. Unknown names are refused. */
interface FlohRequest extends FlohMore {
  /** GET when left out. */
  method?: string;
  url: string | URL;
  headers?: FlohHeaders;
  json?: any;
  form?: FlohHeaders | URLSearchParams;
  /** Texts and bytes, sent one after the other. */
  parts?: Array<string | FlohBytes | { base64: string }>;
  /** A form of several parts (multipart/form-data). A list repeats a name. */
  multipart?: { [name: string]: FlohPartValue | FlohPartValue[] | null | undefined } | Array<FlohPart & { name: string }>;
  /** A text and bytes are sent as they are, URLSearchParams as a form, anything else as JSON. */
  body?: any;
}

/** A list of several pages. */
interface FlohPaging extends FlohRequest {
  /**
   * How the next page is found: by the header `Link` (`link`, when left out), by a URL in the body (`next`), by a cursor
   * in the body, or by counting pages or items.
   */
  by?: "link" | "next" | "cursor" | "page" | "offset";
  /** JSON pointer to the items of a page; the empty text, when left out, is the whole body. */
  items?: string;
  /** JSON pointer to the URL or cursor of the next page. */
  next?: string;
  /** The query parameter that carries the cursor, page or offset; named like it when left out. */
  param?: string;
  /** JSON pointer to a boolean that is false on the last page. */
  more?: string;
  /** The first page (1) or offset (0). */
  start?: number;
  /** The most pages (45); more of them are a failure. At most 50, as each counts as an HTTP call. */
  maxPages?: number;
  /** Ends after so many items. */
  maxItems?: number;
}

/**
 * The items of all pages. A page that cannot be read or followed throws an HttpError that says how many were read. A link
 * is followed by its path and query, on the origin of the first request; `query` goes with the first page alone.
 */
interface FlohPages extends Iterable<any>, AsyncIterable<any> {
  /** Collects all items. */
  collect(): any[];
  /** The answers, page by page. */
  pages(): Iterable<FlohResponse>;
}

interface FlohHttp {
  get(url: string | URL, headers?: FlohHeaders | null, options?: FlohMore): FlohResponse;
  /** A text and bytes are sent as they are, anything else as JSON. */
  post(url: string | URL, body?: any, headers?: FlohHeaders | null, options?: FlohMore): FlohResponse;
  put(url: string | URL, body?: any, headers?: FlohHeaders | null, options?: FlohMore): FlohResponse;
  patch(url: string | URL, body?: any, headers?: FlohHeaders | null, options?: FlohMore): FlohResponse;
  delete(url: string | URL, headers?: FlohHeaders | null, options?: FlohMore): FlohResponse;
  head(url: string | URL, headers?: FlohHeaders | null, options?: FlohMore): FlohResponse;
  request(options: FlohRequest): FlohResponse;
  /** Reads a list page by page: `for (const item of floh.http.paginate({ url, items: "/data" }))`. */
  paginate(options: FlohPaging): FlohPages;
}

interface FlohAuth {
  /**
   * The access token of a client (OAuth 2.0 client credentials). The server fetches it, keeps it for the calls of
   * this connector until shortly before it is over, and hides it in logs and records. With `renew`, after a service
   * has answered 401, a new one in place of the one that this call had. Throws an HttpError whose code is `token`
   * where the service refuses. Counts as an HTTP call.
   */
  token(
    options: {
      /** Where tokens are fetched. */
      tokenUrl?: string;
      /** Or the OpenID Connect discovery document that says where. */
      openIdConnectUrl?: string;
      clientId: string;
      clientSecret: string;
      scopes?: string[] | string;
      audience?: string;
      resource?: string;
      /** How the credentials travel: a Basic header or the form. Left out: the header, and the form where that is refused. */
      style?: "basic" | "body";
    },
    renew?: boolean,
  ): string;
}

interface FlohLog {
  trace(...parts: any[]): void;
  debug(...parts: any[]): void;
  info(...parts: any[]): void;
  warn(...parts: any[]): void;
  error(...parts: any[]): void;
}

/** A text counts as its UTF-8. Anything else is refused. */
type FlohData = string | FlohBytes;
type FlohEncoding = "hex" | "base64" | "base64url";

interface FlohCoder {
  (data: FlohData): string;
  encode(data: FlohData): string;
  /** Throws if the bytes are not UTF-8; ask for "bytes" then. */
  decode(text: string, form?: "text"): string;
  decode(text: string, form: "bytes"): Uint8Array;
}

/** Hex when left out. */
interface FlohDigest {
  (data: FlohData, encoding?: FlohEncoding): string;
  (data: FlohData, encoding: "bytes"): Uint8Array;
}

/** Hex when left out. */
interface FlohHmac {
  (key: FlohData, data: FlohData, encoding?: FlohEncoding): string;
  (key: FlohData, data: FlohData, encoding: "bytes"): Uint8Array;
}

/** A key as PEM (PKCS#8, PKCS#1, SEC 1; public: SPKI) or as a JWK. */
type FlohKey = string | { readonly [member: string]: any };

interface FlohUtil {
  readonly base64: FlohCoder;
  /** Without padding, as in tokens. */
  readonly base64url: FlohCoder;
  readonly hex: FlohCoder;
  readonly sha1: FlohDigest;
  readonly sha256: FlohDigest;
  readonly sha384: FlohDigest;
  readonly sha512: FlohDigest;
  readonly hmacSha1: FlohHmac;
  readonly hmacSha256: FlohHmac;
  readonly hmacSha384: FlohHmac;
  readonly hmacSha512: FlohHmac;
  /** A signature, in base64url when left out. RSA keys have 2,048 to 4,096 bits; ES256 signatures are those of tokens. */
  sign(algorithm: "RS256" | "ES256", key: FlohKey, data: FlohData, encoding?: FlohEncoding): string;
  sign(algorithm: "RS256" | "ES256", key: FlohKey, data: FlohData, encoding: "bytes"): Uint8Array;
  /** Whether a signature is that of the key. ES256 signatures in ASN.1 count, too. */
  verify(
    algorithm: "RS256" | "ES256",
    key: FlohKey,
    data: FlohData,
    signature: FlohData,
    encoding?: FlohEncoding,
  ): boolean;
  /** At most 65,536 bytes from the system. */
  randomBytes(count: number): Uint8Array;
  randomBytes(count: number, encoding: FlohEncoding): string;
  uuid(): string;
  /** Waits, within the time of the call; others run meanwhile. A wait beyond that time is refused at once. */
  sleep(ms: number): void;
  readonly date: FlohDate;
}

/** Options as those of Intl.DateTimeFormat. Others throw. */
interface FlohDateOptions {
  /** When left out: en-US. */
  locale?: "en-US" | "en-GB" | "de-DE" | "sv-SE";
  /** A name of the IANA, such as Europe/Berlin; UTC when left out. */
  timeZone?: string;
  weekday?: "long" | "short";
  year?: "numeric" | "2-digit";
  month?: "numeric" | "2-digit" | "long" | "short";
  day?: "numeric" | "2-digit";
  hour?: "numeric" | "2-digit";
  minute?: "numeric" | "2-digit";
  second?: "numeric" | "2-digit";
  fractionalSecondDigits?: 1 | 2 | 3;
  hour12?: boolean;
  hourCycle?: "h12" | "h23";
  timeZoneName?: "short" | "longOffset";
  dateStyle?: "full" | "long" | "medium" | "short";
  timeStyle?: "full" | "long" | "medium" | "short";
}

interface FlohDate {
  /** Writes a date; `toLocaleString` of dates takes the same options. */
  format(date: Date | number | string, options?: FlohDateOptions): string;
  /** Writes a date as ISO 8601 with the offset of a zone: 2026-11-26T21:05:03.007+01:00. */
  iso(date: Date | number | string, timeZone?: string): string;
}

/**
 * What a command returns. For an editor to compare it with the schema, name the command:
 * `FlohResult<FlohCommands["list"]["payload"], FlohCommands["list"]["variables"]>`.
 */
type FlohResult<Payload = any, Variables = { [name: string]: any }> =
  | { success: true; payload?: Payload; variables?: Variables }
  | { success: boolean; payload?: Payload; error?: string; diagnostics?: any; variables?: Partial<Variables> };

declare const floh: Floh;

interface Console {
  log(...parts: any[]): void;
  info(...parts: any[]): void;
  debug(...parts: any[]): void;
  warn(...parts: any[]): void;
  error(...parts: any[]): void;
  trace(...parts: any[]): void;
}

declare var console: Console;

/** As on the web: they run when nothing else is left to do, within the time of the call. */
declare function setTimeout(callback: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function clearTimeout(id?: number): void;
declare function structuredClone<T>(value: T): T;
declare function atob(data: string): string;
declare function btoa(data: string): string;

interface URLSearchParams extends Iterable<[string, string]> {
  readonly size: number;
  append(name: string, value: any): void;
  delete(name: string, value?: any): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: any): boolean;
  set(name: string, value: any): void;
  sort(): void;
  forEach(callback: (value: string, name: string, all: URLSearchParams) => void): void;
  entries(): Iterable<[string, string]>;
  keys(): Iterable<string>;
  values(): Iterable<string>;
  toString(): string;
}
declare var URLSearchParams: { new (init?: any): URLSearchParams };

interface URL {
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  readonly searchParams: URLSearchParams;
  hash: string;
  toString(): string;
  toJSON(): string;
}
declare var URL: {
  new (url: string | URL, base?: string | URL): URL;
  canParse(url: string, base?: string): boolean;
  parse(url: string, base?: string): URL | null;
};

interface TextEncoder {
  readonly encoding: "utf-8";
  encode(text?: string): Uint8Array;
  encodeInto(text: string, destination: Uint8Array): { read: number; written: number };
}
declare var TextEncoder: { new (): TextEncoder };

interface TextDecoder {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** Decodes all bytes at once; `stream` is refused. */
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}
declare var TextDecoder: { new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder };
