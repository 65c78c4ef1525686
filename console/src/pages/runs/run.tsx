import type { HistoryEvent, Run } from '@gpuhour/sdk/contract'
import { Button, Modal, Skeleton, Text } from '@mantine/core'
import { IconAlertTriangle, IconPlayerStop } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { api } from '../../parts/api.ts'
import { useFollow } from '../../parts/follow.ts'
import { History } from '../../parts/history.tsx'
import { CostPairs } from '../../parts/instance_cost.tsx'
import { LadderView } from '../../parts/ladder_view.tsx'
import { LiveCost } from '../../parts/live_money.tsx'
import { keepRun, useRun } from '../../parts/queries.ts'
import { RunFacts } from '../../parts/run_facts.tsx'
import { RunLog } from '../../parts/run_log.tsx'
import { Shown } from '../../parts/shown.tsx'
import { StateMark } from '../../parts/state_mark.tsx'
import { StreamNote } from '../../parts/stream_note.tsx'
import { tellProblem } from '../../parts/tell_problem.ts'
import { Figure } from '../../ui/figure.tsx'
import { PageHead } from '../../ui/page_head.tsx'
import { Panel } from '../../ui/panel.tsx'
import { WhyButton } from '../../ui/why_button.tsx'
import { Notice } from '../../ui/notice.tsx'

/** One run: its log as it comes, how it ended, what it cost. */
export function RunPage() {
  const { t } = useTranslation()
  // The route has this name in its path.
  const id = useParams()['run'] as string
  const query = useRun(id)
  const skeleton = (
    <div aria-hidden>
      <Skeleton height={32} width={240} mb={24} />
      <div className="split">
        <Skeleton height={420} />
        <Skeleton height={240} />
      </div>
    </div>
  )
  return (
    <Shown query={query} skeleton={skeleton} head={t('runs.title')}>
      {(run) => <Shows key={id} run={run} />}
    </Shown>
  )
}

function Shows({ run }: { run: Run }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [events, setEvents] = useState<readonly HistoryEvent[]>([])
  const stream = useFollow(
    `run ${run.id}`,
    (follower, options) => follower.followRun({ params: { run: run.id } }, options),
    (event) => {
      if (event.event === 'run') return keepRun(client, event.data)
      const { data } = event
      setEvents((old) => (old.some(({ seq }) => seq === data.seq) ? old : [...old, data]))
    },
  )
  const isClimbing = run.state === 'queued' || run.state === 'preparing'
  const isOver = run.endedAt !== null
  // Of a run that is over the start is worth a look only where it fell on the way.
  const hasLadder = !isOver || (run.state === 'failed' && run.allocation?.readyAt === null)
  const mark = (
    <>
      <StateMark state={run.state} />
      <StreamNote state={stream} />
    </>
  )
  const ladder = (
    <Panel title={t(isClimbing ? 'instance.starting' : 'run.start')}>
      <LadderView subject={{ ...run, requestedAt: run.createdAt }} />
    </Panel>
  )
  return (
    <>
      <PageHead
        title={run.name}
        mark={mark}
        text={`${run.image} · ${run.flavor}`}
        actions={run.endedAt === null ? <Cancel run={run} /> : null}
      />
      <div className="split tailed">
        <div className="stack">
          <Ending run={run} />
          {isClimbing ? ladder : null}
          <RunLog run={run} />
          {isClimbing || !hasLadder ? null : ladder}
        </div>
        <div className="stack side sticky">
          <Panel title={t('instance.money')}>
            <Figure
              label={t(isOver ? 'cost.total' : 'cost.soFar')}
              value={<LiveCost cost={run.cost} />}
              hint={t(isOver ? 'cost.over' : run.cost.isPaying ? 'cost.paidNow' : 'cost.freeRun')}
            />
            <div style={{ height: 14 }} />
            <CostPairs cost={run.cost} hasStorage={false} isOver={isOver} />
          </Panel>
          <Panel title={t('instance.facts')}>
            <RunFacts run={run} />
          </Panel>
        </div>
        <Panel title={t('instance.history')}>
          <History events={events} />
        </Panel>
      </div>
    </>
  )
}

function Ending({ run: { state, ending } }: { run: Run }) {
  const { t } = useTranslation()
  if (ending === null || state === 'succeeded' || state === 'canceled') return null
  return (
    <Notice role="alert" tone="bad" icon={<IconAlertTriangle size={20} />} title={t(`state.${state}`)}>
      {ending.reason === null ? null : <div lang="en">{ending.reason}</div>}
      {ending.outOfMemory ? <div>{t('ending.outOfMemory')}</div> : null}
      {ending.exitCode === null ? null : <div>{t('ending.exitCode', { code: ending.exitCode })}</div>}
      {ending.signal === null ? null : <div>{t('ending.signal', { signal: ending.signal })}</div>}
    </Notice>
  )
}

function Cancel({ run }: { run: Run }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [isAsked, setAsked] = useState(false)
  const cancel = useMutation({
    mutationFn: () => api.cancelRun({ params: { run: run.id } }),
    onSuccess: (answer) => keepRun(client, answer),
    onError: (error) => tellProblem(t, error, t('run.cancelFailed', { name: run.name })),
  })
  const { allowed, why } = run.actions.cancel
  return (
    <>
      <WhyButton
        why={allowed ? null : (why ?? t('verb.notNow'))}
        variant="default"
        leftSection={<IconPlayerStop size={16} />}
        loading={cancel.isPending}
        onClick={() => setAsked(true)}
      >
        {t('run.cancel')}
      </WhyButton>
      <Modal
        opened={isAsked}
        onClose={() => setAsked(false)}
        centered
        title={t('run.cancelTitle', { name: run.name })}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <Text>{t(run.volume === null ? 'run.cancelScratch' : 'run.cancelVolume')}</Text>
        <div className="row" style={{ justifyContent: 'flex-end', marginTop: 20 }}>
          <Button variant="default" onClick={() => setAsked(false)}>
            {t('run.cancelNot')}
          </Button>
          <Button
            onClick={() => {
              setAsked(false)
              cancel.mutate()
            }}
          >
            {t('run.cancel')}
          </Button>
        </div>
      </Modal>
    </>
  )
}
