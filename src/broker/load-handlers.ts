import type { CatalogEntry } from '../catalog/catalog.ts';
import { type Admit, loadHandler } from '../catalog/load.ts';
import { messageOf } from '../errors.ts';
import type { Events } from '../events.ts';
import { codeOf } from './run-step.ts';

/** Loads handlers from their folders. Says of each that is refused; rejects with the first refusal. */
export function loadHandlers(
  folders: readonly string[],
  admit: Admit,
  events: Events,
): Promise<readonly CatalogEntry[]> {
  return Promise.all(
    folders.map(async (folder) => {
      try {
        return await loadHandler(folder, admit);
      } catch (error) {
        events.emit('handler:refused', { folder, code: codeOf(error), message: messageOf(error) });
        throw error;
      }
    }),
  );
}
