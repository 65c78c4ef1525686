import type { Allocation, Waiting } from '@gpuhour/sdk/contract'
import { Progress, Text } from '@mantine/core'
import { IconCircleCheckFilled, IconCircleDashed, IconCircleXFilled } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { bytesText } from '../ui/bytes.ts'
import { useLocale } from '../ui/locale.ts'
import { Tag } from '../ui/marks.tsx'
import { momentText, secondsText } from '../ui/time.ts'
import { Build } from './build.tsx'
import css from './ladder.module.css'
import { type Climbing, ladderOf, type Rung } from './ladder.ts'
import { useNow } from './queries.ts'

interface LadderProps {
  readonly subject: Climbing & { readonly waiting: Waiting | null; readonly allocation: Allocation | null }
}

const iconOf = {
  done: <IconCircleCheckFilled size={20} />,
  now: <span className={css.turning} />,
  ahead: <IconCircleDashed size={20} />,
  failed: <IconCircleXFilled size={20} />,
} as const

/** The rungs between Launch and the first paid second, with their seconds. */
export function LadderView({ subject }: LadderProps) {
  const { t } = useTranslation()
  const locale = useLocale()
  const isClimbing = subject.state === 'queued' || subject.state === 'preparing'
  const now = useNow(isClimbing ? 1000 : null)
  return (
    <ol className={css.ladder} aria-label={t('ladder.label')}>
      {ladderOf(subject, now).map((rung) => (
        <li
          key={rung.name}
          className={`${css.rung} ${css[rung.status] ?? ''}`}
          {...(rung.status === 'now' ? { 'aria-current': 'step' as const } : {})}
        >
          <span className={css.icon} aria-hidden>
            {iconOf[rung.status]}
          </span>
          <span className={css.name}>{t(`ladder.${labelOf(rung, subject)}`)}</span>
          <span className={css.seconds}>
            {rung.ms === null
              ? ''
              : secondsText(rung.status === 'now' ? Math.floor(rung.ms / 1000) * 1000 : rung.ms, locale)}
          </span>
          <span className={css.tag}>
            <Tag tone={rung.isPaid ? 'accent' : 'quiet'}>
              {t(rung.isPaid ? 'ladder.paid' : 'ladder.free')}
            </Tag>
          </span>
          <RungDetail rung={rung} subject={subject} />
        </li>
      ))}
    </ol>
  )
}

/** Preparing is more than pulling: it is called so only where bytes are known to come. */
function labelOf({ name }: Rung, { allocation }: LadderProps['subject']) {
  return name === 'preparing' && (allocation?.bytesTotal ?? 0) > 0 ? 'pulling' : name
}

function RungDetail({ rung, subject }: LadderProps & { rung: Rung }) {
  if (rung.status !== 'now') return null
  const { waiting, allocation } = subject
  if (rung.name === 'queued' && waiting)
    return (
      <div className={css.more}>
        <WaitingNote waiting={waiting} />
      </div>
    )
  if (rung.name === 'preparing' && allocation)
    return (
      <div className={css.more}>
        <PullNote allocation={allocation} />
      </div>
    )
  return null
}

/** Why it waits, and how far that is. */
export function WaitingNote({ waiting }: { waiting: Waiting }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(null)
  return (
    <>
      <Text size="sm">{t(`waiting.${waiting.reason}`)}</Text>
      {waiting.position === null ? null : (
        <Text size="sm" c="dimmed">
          {waiting.position === 1 ? t('waiting.next') : t('waiting.position', { position: waiting.position })}
        </Text>
      )}
      {waiting.notBefore === null ? null : (
        <Text size="sm" c="dimmed">
          {t('waiting.notBefore', { at: momentText(Date.parse(waiting.notBefore), now, locale) })}
        </Text>
      )}
      {waiting.build === null ? null : (
        <div style={{ marginTop: 8 }}>
          <Build build={waiting.build} />
        </div>
      )}
    </>
  )
}

function PullNote({ allocation }: { allocation: Allocation }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { bytesDone, bytesTotal } = allocation
  if (bytesDone === null || bytesTotal === null || bytesTotal === 0) return null
  return (
    <>
      <Text size="sm" c="dimmed" className="numbers">
        {t('ladder.bytes', { done: bytesText(bytesDone, locale), total: bytesText(bytesTotal, locale) })}
      </Text>
      <Progress value={(bytesDone / bytesTotal) * 100} size="sm" mt={4} aria-label={t('ladder.pulling')} />
    </>
  )
}
