import type { NodeAllocation } from '@gpuhour/sdk/contract'
import { Button, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { Mark } from '../ui/marks.tsx'
import { type Column, Table, TableSkeleton } from '../ui/table.tsx'
import { When } from '../ui/when.tsx'
import { api, keys, pollMs } from './api.ts'
import { FaultDialog } from './fault_dialog.tsx'
import { More } from './more.tsx'
import { useList, useNow } from './queries.ts'
import { Shown } from './shown.tsx'

/** So many at first: what is there now, and who was there shortly before. */
const shownAtFirst = 6

/** What is and was on a machine, newest first; each can be told of a fault. */
export function NodeAllocations({ node }: { node: string }) {
  const { t } = useTranslation()
  const [asked, setAsked] = useState<NodeAllocation | null>(null)
  const query = useList(
    keys.nodeAllocations(node),
    (page, signal) => api.listAllocations({ params: { node }, query: page }, { signal }),
    { everyMs: pollMs.calm, limit: shownAtFirst },
  )
  return (
    <>
      <Shown query={query} skeleton={<TableSkeleton rows={2} />} isFlush>
        {(all) =>
          all.length === 0 ? (
            <Text className="soft" px={16} py={10}>
              {t('machine.nothing')}
            </Text>
          ) : (
            <>
              <Rows allocations={all} onFault={setAsked} />
              <More {...query} />
            </>
          )
        }
      </Shown>
      <FaultDialog allocation={asked} onClose={() => setAsked(null)} />
    </>
  )
}

interface RowsProps {
  readonly allocations: readonly NodeAllocation[]
  readonly onFault: (allocation: NodeAllocation) => void
}

function Rows({ allocations, onFault }: RowsProps) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  const columns: Column<NodeAllocation>[] = [
    {
      head: t('machine.of'),
      cell: ({ subject, name, organization }) => (
        <div>
          <Link to={subject.startsWith('ins_') ? paths.instance(subject) : paths.run(subject)}>{name}</Link>
          <div className="soft" style={{ fontWeight: 400 }}>
            {organization.name}
          </div>
        </div>
      ),
    },
    { head: t('machine.flavor'), cell: ({ flavor }) => <span translate="no">{flavor}</span> },
    { head: t('machine.since'), cell: ({ allocatedAt }) => <When at={allocatedAt} now={now} isMoment /> },
    {
      head: t('machine.until'),
      cell: ({ releasedAt }) =>
        releasedAt === null ? (
          <Mark tone="good">{t('machine.live')}</Mark>
        ) : (
          <When at={releasedAt} now={now} isMoment />
        ),
    },
    {
      head: t('fault.report'),
      isUnnamed: true,
      isTight: true,
      cell: (allocation) => (
        <Button size="xs" variant="default" onClick={() => onFault(allocation)}>
          {t('fault.report')}
        </Button>
      ),
    },
  ]
  return (
    <Table
      label={t('machine.allocations')}
      columns={columns}
      rows={allocations}
      keyOf={({ allocation }) => allocation}
    />
  )
}
