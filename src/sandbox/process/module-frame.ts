import { ByteReader, ByteWriter } from '../bytes.ts';
import type { ModuleBytes, ModuleMessage } from '../protocol.ts';

/** A module as a frame's body: compiled modules do not cross between processes. */
export function packModule({ bytes, ...facts }: ModuleMessage): ArrayBuffer {
  if (bytes === undefined) throw new TypeError('expected the bytes of a module');
  const { metered, image, others }: ModuleBytes = bytes;
  const out = new ByteWriter();
  out.text(JSON.stringify(facts));
  out.bytes(metered);
  out.bytes(image ?? new Uint8Array());
  for (const other of others) out.bytes(other);
  return out.finish();
}

/** Compiles what `packModule` wrote. */
export function unpackModule(body: ArrayBuffer): ModuleMessage {
  const reader = new ByteReader(body);
  const facts = JSON.parse(reader.text()) as ModuleMessage;
  const module = nextModule(reader);
  const image = new Uint8Array(reader.bytes());
  const others: WebAssembly.Module[] = [];
  while (!reader.atEnd) others.push(nextModule(reader));
  return {
    ...facts,
    module,
    image: facts.image === null ? null : { ...facts.image, module: new WebAssembly.Module(image) },
    component: facts.component === null ? null : { ...facts.component, others },
  };
}

function nextModule(reader: ByteReader): WebAssembly.Module {
  return new WebAssembly.Module(new Uint8Array(reader.bytes()));
}
