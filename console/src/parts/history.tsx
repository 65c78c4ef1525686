import type { HistoryEvent } from '@gpuhour/sdk/contract'
import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { type Column, Table } from '../ui/table.tsx'
import { When } from '../ui/when.tsx'
import { Actor } from './actor.tsx'
import { useNow } from './queries.ts'
import { Reason } from './reason.tsx'

const knownEvents = [
  'created',
  'start_requested',
  'stop_requested',
  'delete_requested',
  'cancel_requested',
  'allocated',
  'refused_for_good',
  'seen_ready',
  'seen_ended',
  'prepare_failed',
  'fault_found',
  'contact_lost',
  'released',
  'purged',
] as const

function isKnown(event: string): event is (typeof knownEvents)[number] {
  return knownEvents.some((known) => known === event)
}

/** What happened, newest first, in words. */
export function History({ events }: { events: readonly HistoryEvent[] }) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  if (events.length === 0) return <Text c="dimmed">{t('history.none')}</Text>
  const columns: Column<HistoryEvent>[] = [
    {
      head: t('history.event'),
      cell: ({ event, detail }) => (
        <div>
          {isKnown(event) ? t(`history.${event}`) : event}
          {detail === null ? null : (
            <div className="soft" style={{ fontWeight: 400 }}>
              <Reason text={detail} />
            </div>
          )}
        </div>
      ),
    },
    {
      head: t('history.by'),
      cell: ({ actor }) => (
        <span className="soft">
          <Actor id={actor} />
        </span>
      ),
    },
    { head: t('history.at'), isNumber: true, cell: ({ at }) => <When at={at} now={now} /> },
  ]
  return (
    <div style={{ margin: '-8px -16px -16px' }}>
      <Table
        label={t('instance.history')}
        columns={columns}
        rows={events.toReversed()}
        keyOf={({ seq }) => seq}
      />
    </div>
  )
}
