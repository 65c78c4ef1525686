import { useTranslation } from 'react-i18next'

/** The reasons that the platform gives in words of its own; any other is a sentence in English. */
const known = {
  customer: 'customer',
  idle: 'idle',
  schedule: 'schedule',
  time_limit: 'time_limit',
  operator: 'operator',
  'the money for it was used up': 'used_up',
  'the platform was stopped': 'platform_stopped',
} as const

const isKnown = (text: string): text is keyof typeof known => Object.hasOwn(known, text)

/** Why something happened, in the language that is shown where we have words for it. */
export function Reason({ text }: { text: string }) {
  const { t } = useTranslation()
  return isKnown(text) ? t(`reason.${known[text]}`) : <span lang="en">{text}</span>
}
