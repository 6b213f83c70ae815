import { type ComponentParts, coreText } from '../../src/attack/guests/component.ts';
import { loadComponentBuilder } from '../../src/attack/target/build-component.ts';
import { wat } from './wat.ts';

export { answer, type ComponentParts } from '../../src/attack/guests/component.ts';

const build = await loadComponentBuilder();

/** A component of the world in wit/handler.wit, around one core module. */
export function componentGuest(parts: ComponentParts): Promise<Uint8Array> {
  return build.around(wat(coreText(parts)), parts.wit);
}
