/** Lays cells out in columns as wide as their widest cell; the last column is as long as it is. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell))
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat(widths[column]! - visibleLength(cell)),
      )
      .join('  ')
      .trimEnd(),
  )
}

// oxlint-disable-next-line no-control-regex -- the code that begins a colour
const colour = /\u001B\[\d+m/g

const visibleLength = (text: string): number => text.replaceAll(colour, '').length
