import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { exactText } from '../ui/time.ts'
import { reasonOf } from './reasons.ts'

/** Why something happened, in the language that is shown where we have words for it. */
export function Reason({ text }: { text: string }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const reason = reasonOf(text)
  if (reason === null) return <span lang="en">{text}</span>
  const at = reason.at === null ? '' : exactText(Date.parse(reason.at), locale)
  return t(`reason.${reason.key}`, { at, what: reason.what ?? '' })
}
