import type { Volume } from '@gpuhour/sdk/contract'
import { Button } from '@mantine/core'
import { IconDatabase, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { Rate } from '../parts/live_money.tsx'
import { More } from '../parts/more.tsx'
import { useInstances, useNow, useVolumes } from '../parts/queries.ts'
import { mayCompute, useSession } from '../parts/session.ts'
import { Shown } from '../parts/shown.tsx'
import { VolumeDialog, type VolumeTask } from '../parts/volume_dialog.tsx'
import { Empty } from '../ui/empty.tsx'
import { Mark } from '../ui/marks.tsx'
import { Money } from '../ui/money.tsx'
import { cents } from '../ui/money.ts'
import { PageHead } from '../ui/page_head.tsx'
import { Panel } from '../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../ui/table.tsx'
import { When } from '../ui/when.tsx'
import { WhyButton } from '../ui/why_button.tsx'

const tones = { requested: 'busy', ready: 'good', deleting: 'busy', deleted: 'quiet' } as const

/** Storage that outlives instances' allocations. */
export function VolumesPage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const query = useVolumes()
  const [task, setTask] = useState<VolumeTask | null>(null)
  const make = mayCompute(organization) ? (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setTask({ kind: 'make' })}>
      {t('volumes.make')}
    </Button>
  ) : undefined
  return (
    <>
      <PageHead title={t('volumes.title')} text={t('volumes.text')} actions={make} />
      <Panel isFlush>
        <Shown query={query} skeleton={<TableSkeleton />} isFlush>
          {(all) => {
            const here = all.filter(({ state }) => state !== 'deleted')
            return here.length === 0 ? (
              <Empty
                icon={<IconDatabase size={36} stroke={1.4} />}
                title={t('volumes.none')}
                text={t('volumes.noneText')}
                action={make}
              />
            ) : (
              <>
                <VolumeTable volumes={here} onTask={setTask} />
                <More {...query} />
              </>
            )
          }}
        </Shown>
      </Panel>
      <VolumeDialog task={task} onClose={() => setTask(null)} />
    </>
  )
}

function VolumeTable({
  volumes,
  onTask,
}: {
  volumes: readonly Volume[]
  onTask: (task: VolumeTask) => void
}) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const instances = useInstances()
  const nameOf = (id: string) => instances.data?.find((one) => one.id === id)?.name ?? id
  const linkTo = (id: string) =>
    id.startsWith('ins_') ? (
      <Link to={paths.instance(id)}>{nameOf(id)}</Link>
    ) : (
      <Link to={paths.run(id)}>{id}</Link>
    )
  const columns: Column<Volume>[] = [
    { head: t('instance.name'), cell: ({ name }) => <strong>{name}</strong> },
    {
      head: t('instance.state'),
      cell: ({ state }) => <Mark tone={tones[state]}>{t(`volumes.${state}`)}</Mark>,
    },
    { head: t('volumes.size'), isNumber: true, cell: ({ sizeGib }) => t('images.gib', { size: sizeGib }) },
    {
      head: t('volumes.of'),
      cell: ({ homeOf, attachedTo }) =>
        homeOf !== null ? (
          <span>
            {t('volumes.homeOf')} {linkTo(homeOf)}
          </span>
        ) : attachedTo !== null ? (
          linkTo(attachedTo)
        ) : (
          '–'
        ),
    },
    { head: t('facts.made'), cell: ({ requestedAt }) => <When at={requestedAt} now={now} /> },
    {
      head: t('volumes.price'),
      isNumber: true,
      cell: ({ nanosPerHour, currency }) => (
        <>
          <Rate nanos={nanosPerHour} currency={currency} />
          <div className="soft">
            <Money nanos={BigInt(nanosPerHour) * 720n} currency={currency} decimals={cents} />{' '}
            {t('money.per30Days')}
          </div>
        </>
      ),
    },
    {
      head: t('volumes.actions'),
      isUnnamed: true,
      isTight: true,
      cell: (volume) => <VolumeButtons volume={volume} onTask={onTask} />,
    },
  ]
  return <Table label={t('volumes.title')} columns={columns} rows={volumes} keyOf={({ id }) => id} />
}

function VolumeButtons({ volume, onTask }: { volume: Volume; onTask: (task: VolumeTask) => void }) {
  const { t } = useTranslation()
  const { resize, delete: remove } = volume.actions
  return (
    <span className="row" style={{ flexWrap: 'nowrap' }}>
      <WhyButton
        size="xs"
        variant="default"
        why={resize.allowed ? null : (resize.why ?? t('verb.notNow'))}
        onClick={() => onTask({ kind: 'resize', volume })}
      >
        {t('volumes.resize')}
      </WhyButton>
      <WhyButton
        size="xs"
        variant="default"
        c="var(--bad-text)"
        why={remove.allowed ? null : (remove.why ?? t('verb.notNow'))}
        onClick={() => onTask({ kind: 'delete', volume })}
      >
        {t('verb.delete')}
      </WhyButton>
    </span>
  )
}
