/** What a benchmark found: rows of numbers, shown as a table. */
import Table from 'cli-table3'

export interface Figures {
  title: string
  /** Names of the columns behind the first one, with the decimals their numbers are shown with. */
  columns: Readonly<Record<string, number>>
  rows: readonly FigureRow[]
  /** What to know when reading them. */
  note?: string
}

/** `name` stands in the first column; null where there is nothing to tell. */
export interface FigureRow {
  name: string
  [column: string]: number | string | null | undefined
}

/** The table, for a terminal or a block of code. */
export function figuresText({ title, columns, rows, note }: Figures): string {
  const names = Object.keys(columns)
  const table = new Table({
    head: [title, ...names],
    colAligns: ['left', ...names.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  for (const row of rows) table.push([row.name, ...names.map((name) => cell(row[name], columns[name]!))])
  return note === undefined ? table.toString() : `${table.toString()}\n${note}`
}

/** The number in a row and a column; NaN where there is none. */
export function figure({ rows }: Figures, name: string, column: string): number {
  const value = rows.find((row) => row.name === name)?.[column]
  return typeof value === 'number' ? value : Number.NaN
}

function cell(value: FigureRow[string], decimals: number): string {
  if (typeof value !== 'number') return value ?? ''
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}
