import { Button, TextInput } from '@mantine/core'
import { IconRocket, IconSearch, IconServer2 } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../../paths.ts'
import { InstanceTable } from '../../parts/instance_table.tsx'
import { More } from '../../parts/more.tsx'
import { useInstances } from '../../parts/queries.ts'
import { mayCompute, useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { StreamNote } from '../../parts/stream_note.tsx'
import { useProjectStream } from '../../parts/use_project_stream.ts'
import { Empty } from '../../ui/empty.tsx'
import { PageHead } from '../../ui/page_head.tsx'
import { Panel } from '../../ui/panel.tsx'
import { TableSkeleton } from '../../ui/table.tsx'

/** Every instance of the project. */
export function InstancesPage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const stream = useProjectStream()
  const query = useInstances()
  const [sought, setSought] = useState('')
  const launch = mayCompute(organization) ? (
    <Button component={Link} to={paths.launch} leftSection={<IconRocket size={18} />}>
      {t('launch.launch')}
    </Button>
  ) : undefined
  const words = sought.trim().toLowerCase()
  return (
    <>
      <PageHead
        title={t('instances.title')}
        text={t('instances.text')}
        mark={<StreamNote state={stream} />}
        actions={query.data?.some(({ state }) => state !== 'deleted') ? launch : null}
      />
      <Panel isFlush>
        <Shown query={query} skeleton={<TableSkeleton rows={5} />} isFlush>
          {(all) => {
            const here = all.filter(({ state }) => state !== 'deleted')
            if (here.length === 0)
              return (
                <Empty
                  icon={<IconServer2 size={36} stroke={1.4} />}
                  title={t('home.noInstances')}
                  text={t('home.noInstancesText')}
                  action={launch}
                />
              )
            const found = here.filter(({ name, image, flavor }) =>
              `${name} ${image} ${flavor}`.toLowerCase().includes(words),
            )
            return (
              <>
                <div style={{ padding: '12px 16px 4px' }}>
                  <TextInput
                    type="search"
                    aria-label={t('instances.search')}
                    placeholder={t('instances.search')}
                    leftSection={<IconSearch size={16} />}
                    value={sought}
                    onChange={(event) => setSought(event.currentTarget.value)}
                    maw={360}
                  />
                </div>
                <InstanceTable instances={found} label={t('instances.title')} />
                <More {...query} />
              </>
            )
          }}
        </Shown>
      </Panel>
    </>
  )
}
