import type { Doctor } from '@gpuhour/sdk/contract'
import { Accordion, Code } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Mark } from '../ui/marks.tsx'
import { type Column, Table } from '../ui/table.tsx'
import { When } from '../ui/when.tsx'
import { useNow } from './queries.ts'

/** What was checked, what was found, what to do. */
export function Checks({ doctor: { checks } }: { doctor: Doctor }) {
  const { t } = useTranslation()
  const columns: Column<Doctor['checks'][number]>[] = [
    {
      head: t('operator.check'),
      cell: ({ name, ok }) => (
        <Mark tone={ok ? 'good' : 'warn'}>
          {name}
          <span className="visually-hidden"> {t(ok ? 'operator.well' : 'operator.attention')}</span>
        </Mark>
      ),
    },
    {
      head: t('operator.found'),
      cell: ({ found, todo }) => (
        <span lang="en">
          {found}
          {todo === null ? null : <div className="soft">{todo}</div>}
        </span>
      ),
    },
  ]
  return <Table label={t('operator.checks')} columns={columns} rows={checks} keyOf={({ name }) => name} />
}

/** The loops and what their last pass did. */
export function Loops({ doctor: { loops } }: { doctor: Doctor }) {
  const { t } = useTranslation()
  const now = useNow(5_000)
  const columns: Column<Doctor['loops'][number]>[] = [
    {
      head: t('operator.loop'),
      cell: ({ name, lastError }) => <Mark tone={lastError === null ? 'good' : 'warn'}>{name}</Mark>,
    },
    {
      head: t('operator.lastPass'),
      cell: ({ lastPassAt }) => (lastPassAt === null ? t('keys.never') : <When at={lastPassAt} now={now} />),
    },
    {
      head: t('operator.did'),
      cell: ({ counts, lastError }) => (
        <span lang="en" className={lastError === null ? 'soft numbers' : ''}>
          {lastError ??
            Object.entries(counts)
              .map(([name, count]) => `${name} ${count}`)
              .join(' · ')}
        </span>
      ),
    },
  ]
  return <Table label={t('operator.loops')} columns={columns} rows={loops} keyOf={({ name }) => name} />
}

/** What cannot happen and was seen nevertheless. */
export function Anomalies({ doctor: { anomalies } }: { doctor: Doctor }) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const columns: Column<Doctor['anomalies'][number]>[] = [
    { head: t('operator.subject'), cell: ({ subject }) => <Code translate="no">{subject}</Code> },
    { head: t('history.event'), cell: ({ event, state }) => `${event} · ${state}` },
    { head: t('operator.found'), cell: ({ detail }) => <span lang="en">{detail}</span> },
    { head: t('history.at'), isNumber: true, cell: ({ at }) => <When at={at} now={now} /> },
  ]
  return (
    <Table
      label={t('operator.anomalies')}
      columns={columns}
      rows={anomalies}
      keyOf={({ at, subject, event }) => `${at} ${subject} ${event}`}
    />
  )
}

/** Every setting with its meaning, folded away. */
export function Configuration({ doctor: { configuration } }: { doctor: Doctor }) {
  const { t } = useTranslation()
  const columns: Column<Doctor['configuration'][number]>[] = [
    {
      head: t('operator.setting'),
      cell: ({ name, value }) => (
        <span translate="no" style={{ overflowWrap: 'anywhere' }}>
          <Code>{name}</Code> {value}
        </span>
      ),
    },
    {
      head: t('operator.meaning'),
      cell: ({ meaning }) => (
        <span lang="en" className="soft">
          {meaning}
        </span>
      ),
    },
  ]
  return (
    <Accordion variant="filled" order={3}>
      <Accordion.Item value="all">
        <Accordion.Control>{t('operator.settings', { count: configuration.length })}</Accordion.Control>
        <Accordion.Panel>
          <Table
            label={t('operator.configuration')}
            columns={columns}
            rows={configuration}
            keyOf={({ name }) => name}
          />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  )
}
