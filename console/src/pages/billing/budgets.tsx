import type { Budget } from '@gpuhour/sdk/contract'
import { Button, Progress } from '@mantine/core'
import { IconPigMoney, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, keys, pollMs } from '../../parts/api.ts'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { BudgetDialog, type BudgetTask } from '../../parts/budget_dialog.tsx'
import { More } from '../../parts/more.tsx'
import { useList, useNow } from '../../parts/queries.ts'
import { mayManageMoney, useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { Empty } from '../../ui/empty.tsx'
import { Mark } from '../../ui/marks.tsx'
import { Money } from '../../ui/money.tsx'
import { cents } from '../../ui/money.ts'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../../ui/table.tsx'
import { When } from '../../ui/when.tsx'

/** What may be spent in a period, and what this one has come to. */
export function BudgetsPage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const query = useList(
    keys.budgets(organization.id),
    (page, signal) => api.listBudgets({ params: { organization: organization.id }, query: page }, { signal }),
    { everyMs: pollMs.money },
  )
  const [task, setTask] = useState<BudgetTask | null>(null)
  const make = mayManageMoney(organization) ? (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setTask({ kind: 'make' })}>
      {t('budgets.make')}
    </Button>
  ) : undefined
  return (
    <BillingFrame>
      <Panel title={t('billing.budgets')} aside={query.data?.length ? make : undefined} isFlush>
        <Shown query={query} skeleton={<TableSkeleton />} isFlush>
          {(budgets) =>
            budgets.length === 0 ? (
              <Empty
                icon={<IconPigMoney size={36} stroke={1.4} />}
                title={t('budgets.none')}
                text={t('budgets.noneText')}
                action={make}
              />
            ) : (
              <>
                <BudgetTable budgets={budgets} onTask={make ? setTask : null} />
                <More {...query} />
              </>
            )
          }
        </Shown>
      </Panel>
      <BudgetDialog task={task} onClose={() => setTask(null)} />
    </BillingFrame>
  )
}

/** How much of the limit is spent, in percent; more than all of it is all of it. */
function shareOf({ spentNanos, limitNanos }: Budget): number {
  const percent = Number((BigInt(spentNanos) * 1000n) / BigInt(limitNanos)) / 10
  return Math.min(100, Math.max(0, percent))
}

function BudgetTable({
  budgets,
  onTask,
}: {
  budgets: readonly Budget[]
  /** Null: they may only look. */
  onTask: ((task: BudgetTask) => void) | null
}) {
  const { t } = useTranslation()
  const columns: Column<Budget>[] = [
    {
      head: t('instance.name'),
      cell: (budget) => (
        <>
          <strong>{budget.name}</strong>
          <div className="soft">
            {t(`budgets.of.${budget.scope}`, { name: budget.targetName, job: budget.job ?? '' })}
          </div>
        </>
      ),
    },
    { head: t('budgets.spent'), cell: (budget) => <Spent budget={budget} /> },
    { head: t('budgets.then'), cell: ({ action }) => t(`budgets.action.${action}`) },
    { head: t('budgets.outlook'), cell: (budget) => <Outlook budget={budget} /> },
    ...(onTask
      ? [
          {
            head: t('volumes.actions'),
            isUnnamed: true,
            isTight: true,
            cell: (budget: Budget) => <BudgetButtons budget={budget} onTask={onTask} />,
          },
        ]
      : []),
  ]
  return <Table label={t('billing.budgets')} columns={columns} rows={budgets} keyOf={({ id }) => id} />
}

function Spent({ budget }: { budget: Budget }) {
  const { t } = useTranslation()
  const { spentNanos, limitNanos, currency, period, name } = budget
  const share = shareOf(budget)
  return (
    <div style={{ minWidth: 180 }}>
      <Money nanos={BigInt(spentNanos)} currency={currency} decimals={cents} />{' '}
      <span className="soft">
        {t('budgets.ofLimit')} <Money nanos={BigInt(limitNanos)} currency={currency} decimals={cents} />{' '}
        {t(`budgets.period.${period}`)}
      </span>
      <Progress
        value={share}
        size="sm"
        mt={6}
        color={share >= 100 ? 'red.8' : share >= 80 ? 'orange.7' : 'jade'}
        aria-label={t('budgets.share', { name })}
      />
    </div>
  )
}

function Outlook({ budget }: { budget: Budget }) {
  const { t } = useTranslation()
  const now = useNow(15_000)
  const { remainingNanos, usedUpAt, action, to } = budget
  if (BigInt(remainingNanos) <= 0n)
    return (
      <>
        <Mark tone={action === 'warn' ? 'warn' : 'bad'}>{t('budgets.usedUp')}</Mark>
        {to === null ? null : (
          <div className="soft">
            {t('budgets.again')} <When at={to} now={now} isMoment />
          </div>
        )}
      </>
    )
  if (usedUpAt !== null)
    return (
      <Mark tone="warn">
        <span>
          {t(action === 'stop' ? 'budgets.endsAt' : 'budgets.usedUpAt')}{' '}
          <When at={usedUpAt} now={now} isMoment />
        </span>
      </Mark>
    )
  return <Mark tone="good">{t('budgets.within')}</Mark>
}

function BudgetButtons({ budget, onTask }: { budget: Budget; onTask: (task: BudgetTask) => void }) {
  const { t } = useTranslation()
  return (
    <span className="row" style={{ flexWrap: 'nowrap' }}>
      <Button size="xs" variant="default" onClick={() => onTask({ kind: 'change', budget })}>
        {t('budgets.change')}
      </Button>
      <Button size="xs" variant="default" c="var(--bad-text)" onClick={() => onTask({ kind: 'end', budget })}>
        {t('budgets.end')}
      </Button>
    </span>
  )
}
