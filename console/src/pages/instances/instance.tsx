import type { HistoryEvent, Instance } from '@gpuhour/sdk/contract'
import { Skeleton } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { useFollow } from '../../parts/follow.ts'
import { History } from '../../parts/history.tsx'
import { InstanceActions } from '../../parts/instance_actions.tsx'
import { InstanceCost } from '../../parts/instance_cost.tsx'
import { InstanceDoors } from '../../parts/instance_doors.tsx'
import { InstanceFacts } from '../../parts/instance_facts.tsx'
import { LadderView } from '../../parts/ladder_view.tsx'
import { keepInstance, useInstance } from '../../parts/queries.ts'
import { Shown } from '../../parts/shown.tsx'
import { StateMark } from '../../parts/state_mark.tsx'
import { StreamNote } from '../../parts/stream_note.tsx'
import { PageHead } from '../../ui/page_head.tsx'
import { Panel } from '../../ui/panel.tsx'
import { Notice } from '../../ui/notice.tsx'

/** One instance: how it climbs, how to get in, what it costs. */
export function InstancePage() {
  const { t } = useTranslation()
  // The route has this name in its path.
  const id = useParams()['instance'] as string
  const query = useInstance(id)
  return (
    <Shown query={query} skeleton={<InstanceSkeleton />} head={t('instances.title')}>
      {(instance) => <Shows key={id} instance={instance} />}
    </Shown>
  )
}

function InstanceSkeleton() {
  return (
    <div aria-hidden>
      <Skeleton height={32} width={240} mb={24} />
      <div className="split">
        <Skeleton height={320} />
        <Skeleton height={240} />
      </div>
    </div>
  )
}

function Shows({ instance }: { instance: Instance }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [events, setEvents] = useState<readonly HistoryEvent[]>([])
  const stream = useFollow(
    `instance ${instance.id}`,
    (follower, options) => follower.followInstance({ params: { instance: instance.id } }, options),
    (event) => {
      if (event.event === 'instance') return keepInstance(client, event.data)
      const { data } = event
      setEvents((old) => (old.some(({ seq }) => seq === data.seq) ? old : [...old, data]))
    },
  )
  const isGone = instance.state === 'deleted'
  const isClimbing = instance.state === 'queued' || instance.state === 'preparing'
  const start = (
    <Panel title={t(isClimbing ? 'instance.starting' : 'instance.lastStart')}>
      <LadderView subject={instance} />
    </Panel>
  )
  return (
    <>
      <PageHead
        title={instance.name}
        mark={
          <>
            <StateMark state={instance.state} />
            <StreamNote state={stream} />
          </>
        }
        text={`${instance.image} · ${instance.flavor}`}
        actions={isGone ? null : <InstanceActions instance={instance} />}
      />
      <div className="split tailed">
        <div className="stack">
          <Trouble instance={instance} />
          {isClimbing ? start : null}
          {isGone ? null : (
            <Panel title={t('instance.waysIn')}>
              <InstanceDoors instance={instance} />
            </Panel>
          )}
          {isClimbing || isGone ? null : start}
        </div>
        <div className="stack side sticky">
          <Panel title={t('instance.money')}>
            <InstanceCost instance={instance} />
          </Panel>
          <Panel title={t('instance.facts')}>
            <InstanceFacts instance={instance} />
          </Panel>
        </div>
        <Panel title={t('instance.history')}>
          <History events={events} />
        </Panel>
      </div>
    </>
  )
}

/** How it ended when nobody asked it to, or that nobody sees it. */
function Trouble({ instance: { state, ending } }: { instance: Instance }) {
  const { t } = useTranslation()
  if (state === 'unreachable')
    return (
      <Notice tone="warn" icon={<IconAlertTriangle size={20} />} title={t('instance.unreachable')}>
        {t('stateMeans.unreachable')}
      </Notice>
    )
  if (state !== 'failed' || ending === null) return null
  return (
    <Notice role="alert" tone="bad" icon={<IconAlertTriangle size={20} />} title={t('instance.failed')}>
      <div lang="en">{ending.reason}</div>
      {ending.outOfMemory ? <div>{t('ending.outOfMemory')}</div> : null}
      {ending.exitCode === null ? null : <div>{t('ending.exitCode', { code: ending.exitCode })}</div>}
      {ending.signal === null ? null : <div>{t('ending.signal', { signal: ending.signal })}</div>}
    </Notice>
  )
}
