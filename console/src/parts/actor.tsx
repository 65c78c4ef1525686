import { useTranslation } from 'react-i18next'
import { useSession } from './session.ts'

/** Who did it: oneself, or whoever the platform names. */
export function Actor({ id }: { id: string }) {
  const { t } = useTranslation()
  const { me } = useSession()
  return id === me.person.id ? t('person.you') : <span translate="no">{id}</span>
}
