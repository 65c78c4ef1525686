import type { Balance, Instance, Offers, Run } from '@gpuhour/sdk/contract'
import { Button, Skeleton } from '@mantine/core'
import { IconRocket, IconTerminal2 } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { usualOffer } from '../parts/choices.ts'
import { InstanceTable } from '../parts/instance_table.tsx'
import { LiveBalance, Rate } from '../parts/live_money.tsx'
import { More } from '../parts/more.tsx'
import { useBalance, useInstances, useNow, useOffers, useRuns } from '../parts/queries.ts'
import { RunTable } from '../parts/run_table.tsx'
import { mayCompute, mayReadMoney, useSession } from '../parts/session.ts'
import { Shown } from '../parts/shown.tsx'
import { StreamNote } from '../parts/stream_note.tsx'
import { useProjectStream } from '../parts/use_project_stream.ts'
import { Empty } from '../ui/empty.tsx'
import { Figure } from '../ui/figure.tsx'
import { useLocale } from '../ui/locale.ts'
import { hoursBought } from '../ui/money.ts'
import { PageHead } from '../ui/page_head.tsx'
import { Panel } from '../ui/panel.tsx'
import { TableSkeleton } from '../ui/table.tsx'
import { durationText, momentText } from '../ui/time.ts'

/** What there is, what it costs, and one big Launch. */
export function HomePage() {
  const { t } = useTranslation()
  const { me, organization, project } = useSession()
  const stream = useProjectStream()
  const seesMoney = mayReadMoney(organization, me.person.isOperator)
  return (
    <>
      <PageHead
        title={t('home.title')}
        text={`${organization.name} / ${project.name}`}
        mark={<StreamNote state={stream} />}
        actions={mayCompute(organization) ? <LaunchButton /> : null}
      />
      <div className="stack">
        {seesMoney ? <Purse /> : null}
        <Machines />
        <RunsToday />
      </div>
    </>
  )
}

function LaunchButton() {
  const { t } = useTranslation()
  return (
    <Button component={Link} to={paths.launch} size="md" leftSection={<IconRocket size={18} />}>
      {t('launch.launch')}
    </Button>
  )
}

function Purse() {
  const balance = useBalance()
  const instances = useInstances()
  const offers = useOffers(null)
  const skeleton = (
    <div className="figures" aria-hidden>
      {[0, 1, 2].map((index) => (
        <Skeleton key={index} height={66} />
      ))}
    </div>
  )
  return (
    <Panel>
      <Shown query={balance} skeleton={skeleton}>
        {(found) => <PurseFigures balance={found} offers={offers.data} instances={instances.data ?? []} />}
      </Shown>
    </Panel>
  )
}

interface PurseProps {
  readonly balance: Balance
  readonly offers: Offers | undefined
  readonly instances: readonly Instance[]
}

function PurseFigures({ balance, offers, instances }: PurseProps) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(30_000)
  const offer = offers && usualOffer(offers.items, instances)
  const hours = offer && hoursBought(BigInt(balance.availableNanos), BigInt(offer.nanosPerHour))
  const { runwayUntil } = balance
  return (
    <div className="figures">
      <Figure
        label={t('money.balance')}
        value={<LiveBalance balance={balance} />}
        hint={
          offer && hours !== null && hours !== undefined
            ? t('home.buys', { hours: new Intl.NumberFormat(locale).format(hours), flavor: offer.flavor })
            : undefined
        }
      />
      <Figure
        label={t('money.burn')}
        value={<Rate nanos={balance.nanosPerHour} currency={balance.currency} />}
        hint={t(BigInt(balance.nanosPerHour) === 0n ? 'home.nothingBurns' : 'home.storageToo')}
      />
      <Figure
        label={t('money.runway')}
        value={
          runwayUntil === null
            ? t('money.forever')
            : t('money.until', { at: momentText(Date.parse(runwayUntil), now, locale) })
        }
        hint={
          runwayUntil === null
            ? t('home.nothingSpends')
            : t('home.ifNothingChanges', { duration: durationText(Date.parse(runwayUntil) - now, locale) })
        }
      />
    </div>
  )
}

const restingStates: readonly string[] = ['stopped', 'failed', 'deleted']

function Machines() {
  const { t } = useTranslation()
  const query = useInstances()
  return (
    <Panel
      title={t('home.instances')}
      aside={<Link to={paths.instances}>{t('home.allInstances')}</Link>}
      isFlush
    >
      <Shown query={query} skeleton={<TableSkeleton rows={3} />} isFlush>
        {(all) => {
          const alive = all.filter(({ state }) => !restingStates.includes(state))
          if (alive.length > 0) return <InstanceTable instances={alive} label={t('home.instances')} />
          const resting = all.filter(({ state }) => state !== 'deleted').length
          return (
            <Empty
              icon={<IconRocket size={36} stroke={1.4} />}
              title={t(resting === 0 ? 'home.noInstances' : 'home.noneRunning')}
              text={resting === 0 ? t('home.noInstancesText') : t('home.noneRunningText', { count: resting })}
            />
          )
        }}
      </Shown>
    </Panel>
  )
}

function isToday(run: Run, now: number): boolean {
  const day = (ms: number) => new Date(ms).toDateString()
  return day(Date.parse(run.createdAt)) === day(now) || run.endedAt === null
}

function RunsToday() {
  const { t } = useTranslation()
  const query = useRuns()
  const now = useNow(60_000)
  return (
    <Panel title={t('home.runs')} aside={<Link to={paths.runs}>{t('home.allRuns')}</Link>} isFlush>
      <Shown query={query} skeleton={<TableSkeleton rows={2} />} isFlush>
        {(all) => {
          const today = all.filter((run) => isToday(run, now))
          const isAllShown = today.length < all.length
          return today.length > 0 ? (
            <>
              <RunTable runs={today} label={t('home.runs')} />
              {isAllShown ? null : <More {...query} />}
            </>
          ) : (
            <Empty
              icon={<IconTerminal2 size={36} stroke={1.4} />}
              title={t('home.noRuns')}
              text={t('home.noRunsText')}
            />
          )
        }}
      </Shown>
    </Panel>
  )
}
