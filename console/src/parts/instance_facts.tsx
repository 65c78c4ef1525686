import type { Instance } from '@gpuhour/sdk/contract'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { Pairs } from '../ui/pairs.tsx'
import { When } from '../ui/when.tsx'
import { Actor } from './actor.tsx'
import { useNow } from './queries.ts'

/** What it is made of. */
export function InstanceFacts({ instance }: { instance: Instance }) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  const { home, allocation } = instance
  const isLive = allocation?.isLive === true
  return (
    <Pairs
      items={[
        [t('facts.image'), instance.image],
        [t('facts.flavor'), instance.flavor],
        [
          t('facts.home'),
          <Link key="home" to={paths.volumes}>
            {t('facts.volume', { name: home.name, size: home.sizeGib })}
          </Link>,
        ],
        ...(isLive ? [[t('facts.node'), allocation.node] as const] : []),
        ...(allocation?.lastSeenAt && isLive
          ? [[t('facts.lastSeen'), <When key="seen" at={allocation.lastSeenAt} now={now} />] as const]
          : []),
        [t('facts.made'), <When key="made" at={instance.createdAt} now={now} />],
        [t('facts.by'), <Actor key="by" id={instance.createdBy} />],
        [
          t('facts.id'),
          <code key="id" translate="no" className="soft">
            {instance.id}
          </code>,
        ],
      ]}
    />
  )
}
