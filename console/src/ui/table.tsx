import { Skeleton } from '@mantine/core'
import type { Key, ReactNode } from 'react'
import css from './ui.module.css'

export interface Column<T> {
  readonly head: string
  readonly cell: (row: T) => ReactNode
  /** Numbers stand at the right, under each other. */
  readonly isNumber?: boolean
  /** As narrow as its content. */
  readonly isTight?: boolean
  /** The heading is only for those who listen. */
  readonly isUnnamed?: boolean
}

interface TableProps<T> {
  /** What the table lists, for those who listen. */
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => Key
}

/** Rows and columns; on a phone each row becomes a small card. */
export function Table<T>({ label, columns, rows, keyOf }: TableProps<T>) {
  const classOf = ({ isNumber, isTight }: Column<T>) =>
    [isNumber ? css.end : '', isTight ? css.tight : ''].join(' ')
  return (
    <table className={`${css.table} ${css.stacks}`} aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.head} scope="col" className={classOf(column)}>
              {column.isUnnamed ? <span className="visually-hidden">{column.head}</span> : column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((column, index) => (
              <td
                key={column.head}
                className={classOf(column)}
                {...(index === 0 || column.isUnnamed ? {} : { 'data-head': column.head })}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** What stands there until the rows come, as high as they will be. */
export function TableSkeleton({ rows = 4 }: { rows?: number }) {
  return (
    <div style={{ padding: '12px 16px 16px' }} aria-hidden>
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={18} mt={index === 0 ? 4 : 18} width={`${96 - ((index * 13) % 30)}%`} />
      ))}
    </div>
  )
}
