import type { Offer, Offers } from '@gpuhour/sdk/contract'
import { Button, Divider, SegmentedControl, Text } from '@mantine/core'
import { IconRocket } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { makeId } from '@gpuhour/sdk/client'
import css from './launch.module.css'
import { CopyLine } from '../ui/copy_line.tsx'
import { useLocale } from '../ui/locale.ts'
import { Tag } from '../ui/marks.tsx'
import { Pairs } from '../ui/pairs.tsx'
import { Panel } from '../ui/panel.tsx'
import { durationText } from '../ui/time.ts'
import type { Choice } from './choices.ts'
import { type Asked, asCommand, asRequest } from './equivalents.ts'
import { lastsMs } from './live_cost.ts'
import { Rate } from './live_money.tsx'
import { Problem } from './problem.tsx'
import { useBalance } from './queries.ts'
import { useSession } from './session.ts'

interface SummaryProps {
  readonly asked: Asked | null
  readonly offer: Offer | undefined
  readonly choice: Choice | undefined
  readonly offers: Offers | undefined
  readonly isReady: boolean
  readonly isAsking: boolean
  readonly error: unknown
}

/** What it will cost running and stopped, how long the balance lasts, and the button. */
export function Summary({ asked, offer, choice, offers, isReady, isAsking, error }: SummaryProps) {
  const { t } = useTranslation()
  const isQueued = offer !== undefined && offer.freeNow === 0
  const isBuilding = choice !== undefined && !choice.version.isOffered
  return (
    <Panel title={t('launch.summary')}>
      {asked && offer && offers ? <Prices asked={asked} offer={offer} offers={offers} /> : null}
      <Divider my="md" />
      <Contract />
      {error ? (
        <div style={{ marginTop: 14 }}>
          <Problem error={error} />
        </div>
      ) : null}
      <Button
        type="submit"
        fullWidth
        size="lg"
        mt="md"
        disabled={!isReady}
        loading={isAsking}
        leftSection={<IconRocket size={20} />}
      >
        {t('launch.launch')}
      </Button>
      {isBuilding || isQueued ? (
        <Text size="sm" c="dimmed" mt={8} ta="center">
          {t(isBuilding ? 'launch.waitsForImage' : 'launch.waitsInQueue')}
        </Text>
      ) : null}
      {asked ? <Equivalents asked={asked} /> : null}
    </Panel>
  )
}

function Prices({ asked, offer, offers }: { asked: Asked; offer: Offer; offers: Offers }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { data: balance } = useBalance()
  const storage = BigInt(offers.volumeNanosPerGibHour) * BigInt(asked.volumeGib)
  const running = BigInt(offer.nanosPerHour) + storage
  const burns = running + BigInt(balance?.nanosPerHour ?? '0')
  const lasts = balance ? lastsMs(BigInt(balance.availableNanos), burns) : null
  return (
    <Pairs
      isEven
      items={[
        [t('launch.perHourRunning'), <Rate key="running" nanos={running} currency={offer.currency} />],
        [t('launch.perHourStopped'), <Rate key="stopped" nanos={storage} currency={offer.currency} />],
        ...(lasts === null
          ? []
          : [
              [t('launch.balanceLasts'), <strong key="lasts">{durationText(lasts, locale)}</strong>] as const,
            ]),
      ]}
    />
  )
}

const contractLines = [
  { name: 'waiting', isPaid: false },
  { name: 'running', isPaid: true },
  { name: 'stopped', isPaid: false },
  { name: 'lost', isPaid: false },
] as const

/** The promise behind the button, short. */
function Contract() {
  const { t } = useTranslation()
  return (
    <>
      <ul className={css.rules}>
        {contractLines.map(({ name, isPaid }) => (
          <li key={name}>
            <span>{t(`contract.${name}`)}</span>
            <Tag tone={isPaid ? 'accent' : 'quiet'}>{t(isPaid ? 'contract.paid' : 'ladder.free')}</Tag>
          </li>
        ))}
      </ul>
      <Text size="sm" c="dimmed" mt={8}>
        {t('contract.storage')}
      </Text>
    </>
  )
}

function Equivalents({ asked }: { asked: Asked }) {
  const { t } = useTranslation()
  const [kind, setKind] = useState<'cli' | 'api'>('cli')
  return (
    <div style={{ marginTop: 18 }}>
      <div className="row" style={{ justifyContent: 'space-between', marginBottom: 8 }}>
        <Text size="sm" c="dimmed">
          {t('launch.same')}
        </Text>
        <SegmentedControl
          size="xs"
          aria-label={t('launch.same')}
          value={kind}
          onChange={setKind}
          data={[
            { value: 'cli', label: t('launch.cli') },
            { value: 'api', label: t('launch.api') },
          ]}
        />
      </div>
      {kind === 'cli' ? (
        <CopyLine text={asCommand(asked)} copy={t('common.copy')} copied={t('common.copied')} />
      ) : (
        <RequestLine key={JSON.stringify(asked)} asked={asked} />
      )}
    </div>
  )
}

/** Another request has another id: the same one sent twice makes one instance. */
function RequestLine({ asked }: { asked: Asked }) {
  const { t } = useTranslation()
  const { project } = useSession()
  const [id] = useState(() => makeId('instance'))
  const text = asRequest(asked, window.location.origin, project.id, id)
  return <CopyLine text={text} copy={t('common.copy')} copied={t('common.copied')} />
}
