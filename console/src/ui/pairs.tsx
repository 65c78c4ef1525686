import { Fragment, type ReactNode } from 'react'
import css from './ui.module.css'

/** Names and values. `even`: the values stand at the right, as on a receipt. */
export function Pairs({
  items,
  isEven = false,
}: {
  items: readonly (readonly [ReactNode, ReactNode])[]
  isEven?: boolean
}) {
  return (
    <dl className={`${css.pairs} ${isEven ? css.pairsEven : ''}`}>
      {items.map(([name, value], index) => (
        // The order of what is listed never changes.
        <Fragment key={index}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  )
}
