/** The results of a benchmark: rows of numbers, shown as a table. */
import Table from 'cli-table3'

export interface Figures {
  title: string
  /** Names of the columns after the first one, with the number of decimals to show. */
  columns: Readonly<Record<string, number>>
  rows: readonly FigureRow[]
  /** What a reader needs to know about the figures. */
  note?: string
}

/** `name` is shown in the first column. Null means that there is no value. */
export interface FigureRow {
  name: string
  [column: string]: number | string | null | undefined
}

/** Returns the table as text, for a terminal or a code block. */
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

/** Returns the number in a row and a column; NaN if there is none. */
export function figure({ rows }: Figures, name: string, column: string): number {
  const value = rows.find((row) => row.name === name)?.[column]
  return typeof value === 'number' ? value : Number.NaN
}

function cell(value: FigureRow[string], decimals: number): string {
  if (typeof value !== 'number') return value ?? ''
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}
