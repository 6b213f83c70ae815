import { ByteReader, ByteWriter } from '../bytes.ts';
import type { ModuleBytes, ModuleMessage } from '../protocol.ts';

/** A module as a frame's body: compiled modules do not cross between processes. */
export function packModule({ bytes, ...facts }: ModuleMessage): ArrayBuffer {
  if (bytes === undefined) throw new TypeError('expected the bytes of a module');
  const { metered, image }: ModuleBytes = bytes;
  const out = new ByteWriter();
  out.text(JSON.stringify(facts));
  out.bytes(metered);
  out.bytes(image ?? new Uint8Array());
  return out.finish();
}

/** Compiles what `packModule` wrote. */
export function unpackModule(body: ArrayBuffer): ModuleMessage {
  const reader = new ByteReader(body);
  const facts = JSON.parse(reader.text()) as ModuleMessage;
  const module = new WebAssembly.Module(new Uint8Array(reader.bytes()));
  const image = new Uint8Array(reader.bytes());
  if (facts.image === null) return { ...facts, module };
  return { ...facts, module, image: { ...facts.image, module: new WebAssembly.Module(image) } };
}
