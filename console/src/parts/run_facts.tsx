import type { Run } from '@gpuhour/sdk/contract'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { Pairs } from '../ui/pairs.tsx'
import { durationText } from '../ui/time.ts'
import { When } from '../ui/when.tsx'
import { Actor } from './actor.tsx'
import { useNow } from './queries.ts'

/** What was asked for. */
export function RunFacts({ run }: { run: Run }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(30_000)
  const { ending, volume, timeLimitSeconds } = run
  const code = (text: string) => (
    <code translate="no" style={{ overflowWrap: 'anywhere', fontSize: '0.8125rem' }}>
      {text}
    </code>
  )
  return (
    <Pairs
      items={[
        [t('run.command'), code(run.command.join(' '))],
        ...(ending === null || ending.exitCode === null ? [] : [[t('run.exit'), ending.exitCode] as const]),
        [t('facts.image'), run.image],
        [t('facts.flavor'), run.flavor],
        [t('facts.home'), volume === null ? t('run.scratch') : volume.name],
        ...(timeLimitSeconds === null
          ? []
          : [[t('run.timeLimit'), durationText(timeLimitSeconds * 1000, locale)] as const]),
        ...(run.allocation?.isLive ? [[t('facts.node'), run.allocation.node] as const] : []),
        [t('facts.made'), <When key="made" at={run.createdAt} now={now} />],
        ...(run.endedAt === null
          ? []
          : [[t('run.ended'), <When key="ended" at={run.endedAt} now={now} />] as const]),
        [t('facts.by'), <Actor key="by" id={run.createdBy} />],
        [
          t('facts.id'),
          <span key="id" className="soft">
            {code(run.id)}
          </span>,
        ],
      ]}
    />
  )
}
