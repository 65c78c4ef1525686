import { Button, type ButtonProps, Tooltip } from '@mantine/core'
import type { MouseEventHandler, ReactNode } from 'react'

interface WhyButtonProps extends ButtonProps {
  /** Null: it may be pressed. Otherwise the reason why not, shown when one comes near it. */
  readonly why: string | null
  readonly onClick: MouseEventHandler<HTMLButtonElement>
  readonly children: ReactNode
}

/** A button that says why it cannot be pressed; it can still be reached, so that the reason can be read. */
export function WhyButton({ why, onClick, children, ...rest }: WhyButtonProps) {
  return (
    <Tooltip label={why} disabled={why === null} events={{ hover: true, focus: true, touch: true }}>
      <Button
        {...rest}
        {...(why === null ? {} : { 'data-disabled': true })}
        aria-disabled={why !== null}
        onClick={(event) => (why === null ? onClick(event) : event.preventDefault())}
      >
        {children}
      </Button>
    </Tooltip>
  )
}
