import type { Device, Node } from '@gpuhour/sdk/contract'
import { Button, Title } from '@mantine/core'
import { IconServer2 } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/empty.tsx'
import { Mark, type Tone } from '../ui/marks.tsx'
import { Notice } from '../ui/notice.tsx'
import { Pairs } from '../ui/pairs.tsx'
import { Panel } from '../ui/panel.tsx'
import { When } from '../ui/when.tsx'
import { WhyButton } from '../ui/why_button.tsx'
import { NodeAllocations } from './node_allocations.tsx'
import { NodeDialog, type NodeTask } from './node_dialog.tsx'
import { useNow } from './queries.ts'

/** The machines, with what they have, what is on them, and what can be done to them. */
export function Nodes({ nodes }: { nodes: readonly Node[] }) {
  const { t } = useTranslation()
  const [task, setTask] = useState<NodeTask | null>(null)
  if (nodes.length === 0)
    return (
      <Panel title={t('operator.nodes')}>
        <Empty
          icon={<IconServer2 size={36} stroke={1.4} />}
          title={t('operator.noNodes')}
          text={t('operator.noNodesText')}
        />
      </Panel>
    )
  return (
    <>
      {nodes.map((node) => (
        <NodePanel key={node.id} node={node} onTask={setTask} />
      ))}
      <NodeDialog task={task} onClose={() => setTask(null)} />
    </>
  )
}

const tones: Readonly<Record<Node['status'], Tone>> = {
  ready: 'good',
  returning: 'busy',
  draining: 'warn',
  fenced: 'bad',
}

interface NodePanelProps {
  readonly node: Node
  readonly onTask: (task: NodeTask) => void
}

function NodePanel({ node, onTask }: NodePanelProps) {
  const { t } = useTranslation()
  const { name, status, missing } = node
  const tone = status === 'ready' && missing.length > 0 ? 'warn' : tones[status]
  return (
    <Panel
      title={t('operator.node', { name })}
      aside={<Mark tone={tone}>{t(`machine.status.${status}`)}</Mark>}
    >
      <NodeFacts node={node} onTask={onTask} />
      {missing.length === 0 ? null : (
        <div style={{ marginTop: 14 }}>
          <Notice tone="warn" title={t('operator.missing')}>
            {missing.map((promise) => (
              <div key={promise} lang="en">
                {promise}
              </div>
            ))}
          </Notice>
        </div>
      )}
      <Verbs node={node} onTask={onTask} />
      <Title order={3} size="h5" mt={18} mb={4}>
        {t('machine.allocations')}
      </Title>
      <div style={{ margin: '0 -16px -16px' }}>
        <NodeAllocations node={node.id} />
      </div>
    </Panel>
  )
}

function NodeFacts({ node, onTask }: NodePanelProps) {
  const { t } = useTranslation()
  const now = useNow(15_000)
  const { driver, cpus, memoryGib, diskGib, devices, gpuDriver, cudaDriver, seenAt } = node
  const gpus = devices.map((device) => <DeviceLine key={device.id} device={device} onTask={onTask} />)
  return (
    <Pairs
      items={[
        [t('operator.shape'), t('launch.shape', { cpus, memory: memoryGib, disk: diskGib })],
        [t('operator.runtime'), driver],
        [t('operator.gpus'), devices.length === 0 ? t('operator.noGpus') : gpus],
        ...(gpuDriver === null
          ? []
          : [
              [
                t('operator.gpuDriver'),
                `${gpuDriver} · ${t('images.cuda', { cuda: cudaDriver ?? '–' })}`,
              ] as const,
            ]),
        [t('operator.seen'), <When key="seen" at={seenAt} now={now} />],
      ]}
    />
  )
}

/** A device, how it is, and the one thing that can be done about that. */
function DeviceLine({ device, onTask }: { device: Device; onTask: NodePanelProps['onTask'] }) {
  const { t } = useTranslation()
  const { id, model, memoryMib, healthy, drained } = device
  const kind = drained === null ? 'drainDevice' : 'readyDevice'
  const tone = healthy ? (drained === null ? 'good' : 'warn') : 'bad'
  return (
    <div className="row" style={{ marginBottom: 4 }}>
      <Mark tone={tone}>{t('operator.device', { model, memory: Math.round(memoryMib / 1024) })}</Mark>
      <code className="soft" translate="no">
        {id}
      </code>
      {healthy ? null : <span>{t('machine.unhealthy')}</span>}
      {drained === null ? null : <span>{t('machine.drained', { why: drained.why })}</span>}
      <Button
        size="compact-xs"
        variant="default"
        aria-label={t(`machine.${kind}Title`, { name: id })}
        onClick={() => onTask({ kind, device })}
      >
        {t(`machine.${kind}`)}
      </Button>
    </div>
  )
}

const verbs = ['drain', 'ready', 'fence'] as const

/** What can be done to a machine; whether, and why not, is the platform's word. */
function Verbs({ node, onTask }: NodePanelProps) {
  const { t, i18n } = useTranslation()
  return (
    <div className="row" style={{ marginTop: 16 }}>
      {verbs.map((kind) => {
        const { allowed, why } = node.actions[kind]
        // The platform's own sentence is English; of what is so already its state is said.
        const reason = i18n.language === 'en' ? why : t(`machine.not.${kind}`)
        return (
          <WhyButton
            key={kind}
            why={allowed ? null : reason}
            variant="default"
            {...(kind === 'fence' ? { c: 'var(--bad-text)' } : {})}
            onClick={() => onTask({ kind, node })}
          >
            {t(`machine.${kind}`)}
          </WhyButton>
        )
      })}
    </div>
  )
}
