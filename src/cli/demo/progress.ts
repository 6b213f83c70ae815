import type { Events } from '../../events.ts';
import { formatMs } from '../render/table.ts';

/** Tells how the demo gets on: lines where nobody looks at a terminal, a live list where somebody does. */
export interface Progress {
  note(text: string): void;
  /** Shows how it ended and writes nothing any more. Idempotent. */
  stop(): void;
}

/** Where progress goes: a terminal, or any stream. */
export type Sink = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>;

/** Follows the broker's events until `stop`. */
export function startProgress(events: Events, sink: Sink): Progress {
  return sink.isTTY ? startLive(events, sink) : startPlain(events, sink);
}

interface Followed {
  readonly onChange: (step: string, text: string, running: boolean) => void;
}

function follow(events: Events, { onChange }: Followed): () => void {
  const stops = [
    events.on('step:started', (event) => {
      const attempt = event.attempt > 1 ? ` (attempt ${event.attempt})` : '';
      onChange(event.stepName, `runs ${event.handler}${attempt}`, true);
    }),
    events.on('step:settled', (event) => {
      const why = event.message === null ? '' : `: ${event.code} ${event.message.split('\n', 1)[0]}`;
      onChange(event.stepName, `${event.outcome} in ${formatMs(event.executionMs)}${why}`, false);
    }),
    events.on('queue:error', (event) => onChange('queue', `${event.code}: ${event.message}`, false)),
    events.on('lane:lost', (event) => onChange(`lane ${event.lane}`, `lost: ${event.reason}`, false)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function startPlain(events: Events, sink: Sink): Progress {
  const startedMs = performance.now();
  const line = (text: string) =>
    sink.write(`${formatMs(performance.now() - startedMs).padStart(9)}  ${text}\n`);
  const stop = follow(events, { onChange: (step, text) => line(`${step}: ${text}`) });
  return { note: line, stop };
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const REDRAW_MS = 80;
const WIDTH_UNKNOWN = 80;

function startLive(events: Events, sink: Sink): Progress {
  const rows = new Map<string, { text: string; running: boolean }>();
  let drawn = 0;
  let frame = 0;
  let stopped = false;
  const draw = () => {
    const lines = [...rows].map(([step, { text, running }]) => {
      const mark = running ? FRAMES[frame % FRAMES.length] : '•';
      // A terminal that does not know its width says 0.
      return cut(`${mark} ${step.padEnd(20)} ${text}`, sink.columns || WIDTH_UNKNOWN);
    });
    sink.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
    drawn = lines.length;
    frame += 1;
  };
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  const unfollow = follow(events, { onChange: (step, text, running) => rows.set(step, { text, running }) });
  return {
    note(text) {
      sink.write(`${drawn > 0 ? `\u001b[${drawn}A\u001b[J` : ''}${text}\n`);
      drawn = 0;
      draw();
    },
    stop() {
      // What was printed since the first stop must not be drawn over.
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      unfollow();
      draw();
    },
  };
}

function cut(line: string, columns: number): string {
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
}
