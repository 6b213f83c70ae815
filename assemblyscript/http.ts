import * as abi from "./abi";
import { allocatePadded } from "./bytes";
import { fail } from "./failure";
import { Json, MISSING } from "./json/json";
import { isUtf8 } from "./json/utf8";
import { parseJson } from "./json/parser";
import { JsonWriter } from "./json/writer";

/** Size of the little-endian number before a frame's head. */
const LENGTH_BYTES = 4;

/**
 * An HTTP request; needs the capability `http`. URL, headers and body may contain `${secrets.NAME}`: the host puts the
 * value in at the moment of sending, and only towards hosts the secret is meant for.
 */
export class HttpRequest {
  private names: string[] = [];
  private values: string[] = [];
  private body: ArrayBuffer | null = null;
  /** Total time in milliseconds; 0 leaves it to the operator's limit. */
  timeoutMs: i32 = 0;
  /** Why the last `trySend` had no response. */
  error: HttpError | null = null;

  constructor(private method: string, private url: string) {}

  /** Adds a header; a later one of the same name, in whatever case, replaces an earlier one. */
  header(name: string, value: string): this {
    const known = this.indexOfHeader(name);
    if (known >= 0) {
      this.values[known] = value;
      return this;
    }
    this.names.push(name);
    this.values.push(value);
    return this;
  }

  hasHeader(name: string): bool {
    return this.indexOfHeader(name) >= 0;
  }

  /** Sets the body, UTF-8. */
  text(body: string): this {
    this.body = String.UTF8.encode(body);
    return this;
  }

  /** Sends it; a host that refuses or fails ends the step with the host's code, message and retryability. */
  send(): HttpResponse {
    const response = this.trySend();
    if (response !== null) return response;
    const error = this.error!;
    return fail<HttpResponse>(error.code, error.message, error.retryable);
  }

  /** Sends it; null when there is no response, then `error` says why. */
  trySend(): HttpResponse | null {
    const frame = this.encode();
    const status = abi.http_request(frame.start, frame.length);
    const length = abi.result_len();
    const start = allocatePadded(length);
    abi.result_read(start);
    if (status == 0) return HttpResponse.decode(start, length);
    this.error = HttpError.decode(start, length);
    return null;
  }

  private indexOfHeader(name: string): i32 {
    const wanted = name.toLowerCase();
    for (let i = 0; i < this.names.length; i++) if (this.names[i].toLowerCase() == wanted) return i;
    return -1;
  }

  /** `u32 head length | head | body`. */
  private encode(): JsonWriter {
    const frame = new JsonWriter();
    frame.extend(LENGTH_BYTES);
    frame.beginObject().key("method").string(this.method).key("url").string(this.url);
    frame.key("headers").beginObject();
    for (let i = 0; i < this.names.length; i++) frame.key(this.names[i]).string(this.values[i]);
    frame.endObject();
    if (this.timeoutMs > 0) frame.key("timeout_ms").integer(this.timeoutMs);
    frame.endObject();
    store<u32>(frame.start, frame.length - LENGTH_BYTES);
    const body = this.body;
    if (body !== null) frame.append(changetype<usize>(body), body.byteLength);
    return frame;
  }
}

/** What came back, whatever its status. */
@final
export class HttpResponse {
  private constructor(
    readonly status: i32,
    /** Header names are lower case. */
    readonly headers: Json,
    private start: usize,
    readonly bodyLength: i32,
  ) {}

  static decode(start: usize, length: i32): HttpResponse {
    const headLength = <i32>load<u32>(start);
    const head = allocatePadded(headLength);
    memory.copy(head, start + LENGTH_BYTES, headLength);
    const root = parseJson(head, headLength);
    const bodyOffset = LENGTH_BYTES + headLength;
    return new HttpResponse(<i32>root.get("status").asNumber(), root.get("headers"), start + bodyOffset, length - bodyOffset);
  }

  /** A header's value, or "" when it is not there. */
  header(name: string): string {
    return this.headers.get(name).asString();
  }

  /** True when the body is UTF-8, so that `text` shows all of it. */
  get isText(): bool {
    return isUtf8(this.start, this.start + this.bodyLength);
  }

  /** The body as text. */
  text(): string {
    return String.UTF8.decodeUnsafe(this.start, this.bodyLength);
  }

  /** The body as JSON; `MISSING` when it is none. A UTF-8 byte order mark is skipped. */
  json(): Json {
    if (this.bodyLength == 0) return MISSING;
    const mark = this.bodyLength >= 3 && (load<u32>(this.start) & 0xffffff) == 0xbfbbef ? 3 : 0;
    return parseJson(this.start + mark, this.bodyLength - mark);
  }
}

/** Why the host had no response for a request. */
@final
export class HttpError {
  private constructor(
    /** `ERR_…`, see docs/errors.md. */
    readonly code: string,
    readonly message: string,
    readonly retryable: bool,
  ) {}

  static decode(start: usize, length: i32): HttpError {
    const root = parseJson(start, length);
    return new HttpError(root.get("code").asString("http_failed"), root.get("message").asString(), root.get("retryable").asBool());
  }
}
