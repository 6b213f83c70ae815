import { describe, expect, it } from 'vitest';
import { type Sink, startProgress } from '../../src/cli/demo/progress.ts';
import { createEvents } from '../../src/events.ts';

const STEP = { taskUuid: 't', stepUuid: 's', stepName: 'fetch', attempt: 1, correlationId: 'c' };

function collected(isTTY: boolean, columns: number): { sink: Sink; text: () => string } {
  let written = '';
  const write = (text: string | Uint8Array): boolean => {
    written += String(text);
    return true;
  };
  return { sink: { isTTY, columns, write }, text: () => written };
}

/** What a terminal shows after these bytes: only "cursor up" and "clear line" matter here. */
function screen(text: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  const visible = text.replaceAll('\u001b', '␛');
  for (const [token, up] of visible.matchAll(/␛\[(\d+)A|␛\[2K|␛\[J|\n|[^␛\n]+/g)) {
    if (up !== undefined) row -= Number(up);
    else if (token === '␛[2K') lines[row] = '';
    else if (token === '␛[J') lines.splice(row);
    else if (token === '\n') row += 1;
    else lines[row] = (lines[row] ?? '') + token;
    lines[row] ??= '';
  }
  return lines;
}

describe('progress on a terminal', () => {
  it('is one line per step that is drawn over, and leaves alone what is printed after its end', () => {
    const events = createEvents();
    const { sink, text } = collected(true, 40);
    const progress = startProgress(events, sink);
    events.emit('step:started', { ...STEP, handler: 'http_request@0.1.0' });
    progress.note('a note');
    events.emit('step:started', { ...STEP, stepName: 'a_very_long_step_name_indeed', handler: 'x@1.0.0' });
    progress.stop();
    sink.write('the table\n');
    progress.stop();
    const shown = screen(text());
    expect(shown[0]).toBe('a note');
    expect(shown[1]).toMatch(/^. fetch +runs http_requ/);
    expect(shown[2]).toHaveLength(40);
    expect(shown[3]).toBe('the table');
  });

  it('assumes a usual width where the terminal does not know its own', () => {
    const events = createEvents();
    const { sink, text } = collected(true, 0);
    const progress = startProgress(events, sink);
    events.emit('step:started', { ...STEP, handler: 'http_request@0.1.0' });
    progress.stop();
    expect(text()).toContain('runs http_request@0.1.0\n');
  });
});

describe('progress elsewhere', () => {
  it('is plain lines', () => {
    const events = createEvents();
    const { sink, text } = collected(false, 0);
    const progress = startProgress(events, sink);
    events.emit('step:started', { ...STEP, attempt: 2, handler: 'http_request@0.1.0' });
    progress.note('a note');
    progress.stop();
    expect(text()).toMatch(/ms {2}fetch: runs http_request@0\.1\.0 \(attempt 2\)\n.*ms {2}a note\n$/);
    expect(text()).not.toContain('\u001b');
  });
});
