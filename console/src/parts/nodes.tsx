import type { Doctor } from '@gpuhour/sdk/contract'
import { IconServer2 } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/empty.tsx'
import { Mark } from '../ui/marks.tsx'
import { Pairs } from '../ui/pairs.tsx'
import { Panel } from '../ui/panel.tsx'
import { When } from '../ui/when.tsx'
import { useNow } from './queries.ts'
import { Notice } from '../ui/notice.tsx'

type Node = Doctor['nodes'][number]

/** The machines, with what they have and what they cannot promise. */
export function Nodes({ nodes }: { nodes: readonly Node[] }) {
  const { t } = useTranslation()
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
  return nodes.map((node) => <NodePanel key={node.id} node={node} />)
}

function NodePanel({ node }: { node: Node }) {
  const { t } = useTranslation()
  const now = useNow(15_000)
  const { name, driver, status, cpus, memoryGib, diskGib, devices, gpuDriver, cudaDriver, missing, seenAt } =
    node
  const isWell = status === 'ready' && missing.length === 0
  const gpus = devices.map(({ id, model, memoryMib, healthy }) => (
    <div key={id}>
      <Mark tone={healthy ? 'good' : 'bad'}>
        {t('operator.device', { model, memory: Math.round(memoryMib / 1024) })}
      </Mark>{' '}
      <code className="soft" translate="no">
        {id}
      </code>
    </div>
  ))
  return (
    <Panel title={t('operator.node', { name })} aside={<Mark tone={isWell ? 'good' : 'warn'}>{status}</Mark>}>
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
    </Panel>
  )
}
