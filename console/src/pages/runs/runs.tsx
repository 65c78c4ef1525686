import { TextInput } from '@mantine/core'
import { IconSearch, IconTerminal2 } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { More } from '../../parts/more.tsx'
import { useRuns } from '../../parts/queries.ts'
import { RunTable } from '../../parts/run_table.tsx'
import { Shown } from '../../parts/shown.tsx'
import { StreamNote } from '../../parts/stream_note.tsx'
import { useProjectStream } from '../../parts/use_project_stream.ts'
import { CopyLine } from '../../ui/copy_line.tsx'
import { Empty } from '../../ui/empty.tsx'
import { PageHead } from '../../ui/page_head.tsx'
import { Panel } from '../../ui/panel.tsx'
import { TableSkeleton } from '../../ui/table.tsx'

/** How a first run is begun; the image and the example are on every platform. */
const firstRun = 'gpuhour run --image pytorch-cuda:2.9 --flavor cpu.2x8 -- python templates/cnn/train.py'

/** Every run of the project, newest first. */
export function RunsPage() {
  const { t } = useTranslation()
  const stream = useProjectStream()
  const query = useRuns()
  const [sought, setSought] = useState('')
  const words = sought.trim().toLowerCase()
  return (
    <>
      <PageHead title={t('runs.title')} text={t('runs.text')} mark={<StreamNote state={stream} />} />
      <Panel isFlush>
        <Shown query={query} skeleton={<TableSkeleton rows={5} />} isFlush>
          {(all) =>
            all.length === 0 ? (
              <Empty
                icon={<IconTerminal2 size={36} stroke={1.4} />}
                title={t('runs.none')}
                text={t('runs.noneText')}
                action={<CopyLine text={firstRun} copy={t('common.copy')} copied={t('common.copied')} />}
              />
            ) : (
              <>
                <div style={{ padding: '12px 16px 4px' }}>
                  <TextInput
                    type="search"
                    aria-label={t('runs.search')}
                    placeholder={t('runs.search')}
                    leftSection={<IconSearch size={16} />}
                    value={sought}
                    onChange={(event) => setSought(event.currentTarget.value)}
                    maw={360}
                  />
                </div>
                <RunTable
                  label={t('runs.title')}
                  runs={all.filter(({ name, command, image }) =>
                    `${name} ${command.join(' ')} ${image}`.toLowerCase().includes(words),
                  )}
                />
                <More {...query} />
              </>
            )
          }
        </Shown>
      </Panel>
    </>
  )
}
