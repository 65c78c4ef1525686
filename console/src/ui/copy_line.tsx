import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import css from './ui.module.css'

interface CopyLineProps {
  readonly text: string
  /** What the button says, and what it says once it is done. */
  readonly copy: string
  readonly copied: string
}

/** Something to be typed elsewhere, with a button that copies it. */
export function CopyLine({ text, copy, copied }: CopyLineProps) {
  return (
    <div className={css.line}>
      <code translate="no">{text}</code>
      <CopyButton value={text} timeout={2000}>
        {({ copied: isCopied, copy: toCopy }) => (
          <Tooltip label={isCopied ? copied : copy}>
            <ActionIcon
              variant="subtle"
              color={isCopied ? 'jade' : 'gray'}
              aria-label={isCopied ? copied : copy}
              onClick={toCopy}
            >
              {isCopied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  )
}
