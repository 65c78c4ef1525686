import { Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'
import css from './ui.module.css'

interface PanelProps {
  readonly title?: ReactNode
  readonly aside?: ReactNode
  /** Its content reaches the edges: tables. */
  readonly isFlush?: boolean
  readonly children: ReactNode
}

/** A surface with an optional heading. With one, it is a region that can be jumped to. */
export function Panel({ title, aside, isFlush = false, children }: PanelProps) {
  const id = useId()
  return (
    <section className={css.panel} {...(title === undefined ? {} : { 'aria-labelledby': id })}>
      {title === undefined ? null : (
        <div className={css.panelHead}>
          <Title order={2} id={id}>
            {title}
          </Title>
          {aside}
        </div>
      )}
      <div className={isFlush ? (title === undefined ? '' : css.flush) : css.panelBody}>{children}</div>
    </section>
  )
}
