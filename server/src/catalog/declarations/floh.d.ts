
/** What a script finds: its connection, the call, and what it may do. */
interface Floh {
  /** The decrypted connection config. */
  readonly config: FlohConfig;
  /** The params of the call, checked and with defaults, and those that the schema does not know. */
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
  operation(name: string, params?: { readonly [name: string]: any }): FlohResult;
}

/** What came of an operation. A command may return it as it is. */
interface FlohResult {
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
}

/** Thrown when there is no answer: the network, the server's rules or the time. */
interface FlohHttpError extends Error {
  readonly name: "HttpError";
  readonly code: string;
}

interface FlohHttp {
  get(url: string, headers?: FlohHeaders): FlohResponse;
  /** A text is sent as it is, anything else as JSON. */
  post(url: string, body?: any, headers?: FlohHeaders): FlohResponse;
  put(url: string, body?: any, headers?: FlohHeaders): FlohResponse;
  patch(url: string, body?: any, headers?: FlohHeaders): FlohResponse;
  delete(url: string, headers?: FlohHeaders): FlohResponse;
  head(url: string, headers?: FlohHeaders): FlohResponse;
  request(options: {
    method?: string;
    url: string;
    query?: FlohHeaders;
    headers?: FlohHeaders;
    json?: any;
    form?: FlohHeaders;
    body?: any;
    timeoutMs?: number;
  }): FlohResponse;
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

interface FlohCoder {
  (text: string): string;
  encode(text: string): string;
  decode(text: string): string;
}

interface FlohUtil {
  readonly base64: FlohCoder;
  readonly hex: FlohCoder;
  sha256(text: string, encoding?: "hex" | "base64"): string;
  hmacSha256(key: string, text: string, encoding?: "hex" | "base64"): string;
  uuid(): string;
}

/** What a command returns. */
type FlohResult<Payload = any> =
  | { success: true; payload?: Payload; variables?: { [name: string]: any } }
  | { success: boolean; payload?: Payload; error?: string; diagnostics?: any; variables?: { [name: string]: any } };

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
