import { useTranslation } from 'react-i18next'
import { useSession } from './session.ts'

/** The platform's own loops, and whoever runs it, as its history names them. */
const loops = ['placer', 'reconciler', 'observer', 'sweeper', 'lease_keeper', 'operator'] as const

/** Who did it: oneself, the platform, or whoever it names. */
export function Actor({ id }: { id: string }) {
  const { t } = useTranslation()
  const { me } = useSession()
  if (id === me.person.id) return t('person.you')
  const loop = loops.find((name) => name === id)
  return loop === undefined ? <span translate="no">{id}</span> : t(`actor.${loop}`)
}
