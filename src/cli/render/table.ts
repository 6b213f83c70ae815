/** A table of text cells: columns as wide as their longest cell, numbers to the right. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) => align(cells[column] ?? '', width))
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

function align(cell: string, width: number): string {
  return /^[\d.,]+( [A-Za-z]+)?$/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
}

/** `1,234,567` */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1.5 MiB`, `64 KiB` */
export function formatBytes(bytes: number): string {
  if (bytes >= 1024 * 1024) return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  return bytes >= 1024 ? `${Math.round(bytes / 1024)} KiB` : `${bytes} B`;
}

/** `12.3 ms`, `1.25 s` */
export function formatMs(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(1)} ms`;
}
