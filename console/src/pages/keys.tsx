import type { ApiKey, SshKey } from '@gpuhour/sdk/contract'
import { Button, Code } from '@mantine/core'
import { IconKey, IconPlus, IconTerminal2 } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, keys } from '../parts/api.ts'
import { ApiKeyDialog } from '../parts/api_key_dialog.tsx'
import { More } from '../parts/more.tsx'
import { useList, useNow } from '../parts/queries.ts'
import { RemoveKeyDialog } from '../parts/remove_key_dialog.tsx'
import { useSession } from '../parts/session.ts'
import { Shown } from '../parts/shown.tsx'
import { SshKeyDialog } from '../parts/ssh_key_dialog.tsx'
import { Empty } from '../ui/empty.tsx'
import { PageHead } from '../ui/page_head.tsx'
import { Panel } from '../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../ui/table.tsx'
import { When } from '../ui/when.tsx'

/** One's own keys: to get into instances, and to let programs act. */
export function KeysPage() {
  const { t } = useTranslation()
  return (
    <>
      <PageHead title={t('keys.title')} text={t('keys.text')} />
      <div className="stack">
        <SshKeys />
        <ApiKeys />
      </div>
    </>
  )
}

function SshKeys() {
  const { t } = useTranslation()
  const query = useList(keys.sshKeys, (page, signal) => api.listSshKeys({ query: page }, { signal }))
  const [isAdding, setAdding] = useState(false)
  const [leaving, setLeaving] = useState<SshKey | null>(null)
  const add = (
    <Button size="xs" leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      {t('keys.addSsh')}
    </Button>
  )
  return (
    <Panel title={t('keys.ssh')} aside={query.data?.length ? add : null} isFlush>
      <Shown query={query} skeleton={<TableSkeleton rows={2} />} isFlush>
        {(all) =>
          all.length === 0 ? (
            <Empty
              icon={<IconTerminal2 size={36} stroke={1.4} />}
              title={t('keys.noSsh')}
              text={t('keys.noSshText')}
              action={add}
            />
          ) : (
            <>
              <SshTable all={all} onRemove={setLeaving} />
              <More {...query} />
            </>
          )
        }
      </Shown>
      <SshKeyDialog isOpen={isAdding} onClose={() => setAdding(false)} />
      <RemoveKeyDialog
        name={leaving?.name ?? null}
        text={t('keys.removeSshText')}
        remove={async () => leaving && api.deleteSshKey({ params: { sshKey: leaving.id } })}
        stale={keys.sshKeys}
        onClose={() => setLeaving(null)}
      />
    </Panel>
  )
}

function SshTable({ all, onRemove }: { all: readonly SshKey[]; onRemove: (key: SshKey) => void }) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const columns: Column<SshKey>[] = [
    { head: t('instance.name'), cell: ({ name }) => <strong>{name}</strong> },
    {
      head: t('keys.fingerprint'),
      cell: ({ type, fingerprint }) => (
        <span translate="no">
          <span className="soft">{type}</span> <Code style={{ overflowWrap: 'anywhere' }}>{fingerprint}</Code>
        </span>
      ),
    },
    {
      head: t('keys.used'),
      cell: ({ lastUsedAt }) => (lastUsedAt ? <When at={lastUsedAt} now={now} /> : t('keys.never')),
    },
    { head: t('keys.added'), cell: ({ createdAt }) => <When at={createdAt} now={now} /> },
    {
      head: t('keys.remove'),
      isUnnamed: true,
      isTight: true,
      cell: (key) => (
        <Button size="xs" variant="default" c="var(--bad-text)" onClick={() => onRemove(key)}>
          {t('keys.remove')}
        </Button>
      ),
    },
  ]
  return <Table label={t('keys.ssh')} columns={columns} rows={all} keyOf={({ id }) => id} />
}

function ApiKeys() {
  const { t } = useTranslation()
  const query = useList(keys.apiKeys, (page, signal) => api.listApiKeys({ query: page }, { signal }))
  const [isMaking, setMaking] = useState(false)
  const [leaving, setLeaving] = useState<ApiKey | null>(null)
  const make = (
    <Button size="xs" leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>
      {t('keys.makeApi')}
    </Button>
  )
  return (
    <Panel title={t('keys.api')} aside={query.data?.length ? make : null} isFlush>
      <Shown query={query} skeleton={<TableSkeleton rows={2} />} isFlush>
        {(all) =>
          all.length === 0 ? (
            <Empty
              icon={<IconKey size={36} stroke={1.4} />}
              title={t('keys.noApi')}
              text={t('keys.noApiText')}
              action={make}
            />
          ) : (
            <>
              <ApiTable all={all} onRemove={setLeaving} />
              <More {...query} />
            </>
          )
        }
      </Shown>
      <ApiKeyDialog isOpen={isMaking} onClose={() => setMaking(false)} />
      <RemoveKeyDialog
        name={leaving?.name ?? null}
        text={t('keys.removeApiText')}
        remove={async () => leaving && api.deleteApiKey({ params: { apiKey: leaving.id } })}
        stale={keys.apiKeys}
        onClose={() => setLeaving(null)}
      />
    </Panel>
  )
}

function ApiTable({ all, onRemove }: { all: readonly ApiKey[]; onRemove: (key: ApiKey) => void }) {
  const { t } = useTranslation()
  const { me } = useSession()
  const now = useNow(60_000)
  const scopeOf = ({ organization, project }: ApiKey) =>
    me.projects.find(({ id }) => id === project)?.name ??
    me.organizations.find(({ id }) => id === organization)?.name ??
    organization
  const columns: Column<ApiKey>[] = [
    {
      head: t('instance.name'),
      cell: ({ name, hint }) => (
        <span>
          <strong>{name}</strong> <Code translate="no">{`${hint}…`}</Code>
        </span>
      ),
    },
    { head: t('keys.scope'), cell: scopeOf },
    {
      head: t('keys.actions'),
      cell: ({ actions }) => (
        <span className="soft">{actions.map((one) => t(`keys.may.${one}`)).join(', ')}</span>
      ),
    },
    {
      head: t('keys.used'),
      cell: ({ lastUsedAt }) => (lastUsedAt ? <When at={lastUsedAt} now={now} /> : t('keys.never')),
    },
    {
      head: t('keys.expires'),
      cell: ({ expiresAt }) => (expiresAt ? <When at={expiresAt} now={now} /> : t('keys.never')),
    },
    {
      head: t('keys.remove'),
      isUnnamed: true,
      isTight: true,
      cell: (key) => (
        <Button size="xs" variant="default" c="var(--bad-text)" onClick={() => onRemove(key)}>
          {t('keys.remove')}
        </Button>
      ),
    },
  ]
  return <Table label={t('keys.api')} columns={columns} rows={all} keyOf={({ id }) => id} />
}
