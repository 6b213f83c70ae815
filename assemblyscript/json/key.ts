import { ByteBuffer } from "../bytes";
import { writeEscaped } from "./escape";
import { Json } from "./json";
import { JsonWriter } from "./writer";

/** A member name that is looked up or written many times: encoded once. */
@final
export class JsonKey {
  /** `"name":` as it stands in a document. */
  private encoded: ByteBuffer = new ByteBuffer(32);
  private bytes: ArrayBuffer;

  constructor(readonly name: string) {
    this.bytes = String.UTF8.encode(name);
    writeEscaped(this.encoded, name);
    this.encoded.appendByte(0x3a);
  }

  /** The member of an object with this name. */
  @inline
  of(object: Json): Json {
    return object.getBytes(changetype<usize>(this.bytes), this.bytes.byteLength);
  }

  /** True when a key of an object is this one. */
  @inline
  is(key: Json): bool {
    return key.equalsBytes(changetype<usize>(this.bytes), this.bytes.byteLength);
  }

  @inline
  write(target: JsonWriter): void {
    target.keyBytes(this.encoded.start, this.encoded.length);
  }
}
