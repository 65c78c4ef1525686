import type { Run } from '@gpuhour/sdk/contract'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { type Column, Table } from '../ui/table.tsx'
import { When } from '../ui/when.tsx'
import { LiveCost, PaidTime } from './live_money.tsx'
import { useNow } from './queries.ts'
import { StateMark } from './state_mark.tsx'

/** Runs, one a row. */
export function RunTable({ runs, label }: { runs: readonly Run[]; label: string }) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  const columns: Column<Run>[] = [
    {
      head: t('run.name'),
      cell: (run) => (
        <div style={{ minWidth: 0 }}>
          <Link to={paths.run(run.id)} style={{ fontWeight: 600 }}>
            {run.name}
          </Link>
          <div className="soft" translate="no" style={{ fontWeight: 400, overflowWrap: 'anywhere' }}>
            {run.command.join(' ')}
          </div>
        </div>
      ),
    },
    { head: t('run.state'), cell: ({ state }) => <StateMark state={state} /> },
    { head: t('run.exit'), isNumber: true, cell: ({ ending }) => ending?.exitCode ?? '–' },
    {
      head: t('run.image'),
      cell: ({ image, flavor }) => (
        <span>
          {image} <span className="soft">{flavor}</span>
        </span>
      ),
    },
    { head: t('run.asked'), cell: ({ createdAt }) => <When at={createdAt} now={now} /> },
    { head: t('run.paidTime'), isNumber: true, cell: ({ cost }) => <PaidTime cost={cost} /> },
    { head: t('run.cost'), isNumber: true, cell: ({ cost }) => <LiveCost cost={cost} /> },
  ]
  return <Table label={label} columns={columns} rows={runs} keyOf={({ id }) => id} />
}
