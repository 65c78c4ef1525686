import type { Instance } from '@gpuhour/sdk/contract'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { type Column, Table } from '../ui/table.tsx'
import { When } from '../ui/when.tsx'
import { LiveCost, Rate } from './live_money.tsx'
import { OpenApp } from './open_app.tsx'
import { useNow, useVolumes } from './queries.ts'
import { StateMark } from './state_mark.tsx'

/** Instances, one a row. */
export function InstanceTable({ instances, label }: { instances: readonly Instance[]; label: string }) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  const volumes = useVolumes()
  const unmade = new Set(volumes.data?.filter(({ state }) => state === 'requested').map(({ id }) => id))
  const columns: Column<Instance>[] = [
    {
      head: t('instance.name'),
      cell: (instance) => (
        <Link to={paths.instance(instance.id)} style={{ fontWeight: 600 }}>
          {instance.name}
        </Link>
      ),
    },
    { head: t('instance.state'), cell: ({ state }) => <StateMark state={state} /> },
    {
      head: t('instance.image'),
      cell: ({ image, flavor }) => (
        <span>
          {image} <span className="soft">{flavor}</span>
        </span>
      ),
    },
    { head: t('instance.since'), cell: ({ changedAt }) => <When at={changedAt} now={now} /> },
    {
      head: t('instance.rate'),
      isNumber: true,
      cell: ({ cost, home }) => (
        <Rate nanos={rateNow(cost, cost.isPaying || !unmade.has(home.volume))} currency={cost.currency} />
      ),
    },
    { head: t('instance.cost'), isNumber: true, cell: ({ cost }) => <LiveCost cost={cost} /> },
    {
      head: t('instance.open'),
      isUnnamed: true,
      isTight: true,
      cell: (instance) => {
        const door = instance.doors.find(({ name }) => name === 'jupyter')
        return door && instance.state === 'running' ? (
          <OpenApp instance={instance} door={door} size="xs" />
        ) : null
      },
    },
  ]
  return <Table label={label} columns={columns} rows={instances} keyOf={({ id }) => id} />
}

/** What it burns now: running and storage, or storage alone; a home that is not made yet is free. */
function rateNow(
  { isPaying, nanosPerHour, storageNanosPerHour }: Instance['cost'],
  hasHome: boolean,
): bigint {
  return (isPaying ? BigInt(nanosPerHour) : 0n) + (hasHome ? BigInt(storageNanosPerHour) : 0n)
}
