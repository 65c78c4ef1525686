import { Tooltip } from '@mantine/core'
import { useLocale } from './locale.ts'
import { exactText, momentText, relativeText } from './time.ts'

interface WhenProps {
  readonly at: string
  readonly now: number
  /** "Fri 14:20" instead of "2 hours ago". */
  readonly isMoment?: boolean
}

/** An instant in few words, with the exact one on hover and for machines. */
export function When({ at, now, isMoment = false }: WhenProps) {
  const locale = useLocale()
  const ms = Date.parse(at)
  // `now` is read every so often: what happened since then is not in the future.
  const seen = ms > now && ms - now < 60_000 ? now : ms
  return (
    <Tooltip label={exactText(ms, locale)}>
      <time dateTime={at}>{isMoment ? momentText(ms, now, locale) : relativeText(seen, now, locale)}</time>
    </Tooltip>
  )
}
